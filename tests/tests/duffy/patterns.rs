//! How scripts in the wild call the legacy API (`api/duffy.md` §3), with the programs that they use.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use muster_testkit::{programs::PythonEnvironment, skip};
use tokio::process::Command;

use crate::house::{ALPHA, House, on_both};

/// Scripts of the kinds that are in public repositories, each of which gives back what it got and prints `good` last.
const SHELL: [(&str, &str); 5] = [
    (
        "read with a here-string, done by cico",
        r#"
read -r HOST SSID <<< "$(cico node get -f value -c ip_address -c comment)"
[ -n "$HOST" ] && [ "${#SSID}" = 36 ] || exit 1
cico node done "$SSID" >/dev/null
"#,
    ),
    (
        "several nodes, fields by position, the suffix put behind the name",
        r#"
nodes="$(cico node get --count 5 -f value -c hostname -c ip_address -c comment)"
[ "$(printf '%s\n' "$nodes" | wc -l)" = 5 ]
first="$(printf '%s\n' "$nodes" | head -1 | cut -d ' ' -f 1).ci.centos.org"
case "$first" in n*.dusty.ci.centos.org) ;; *) exit 1 ;; esac
SSID="$(printf '%s\n' "$nodes" | tail -1 | cut -d ' ' -f 3)"
cico node done "$SSID" >/dev/null
"#,
    ),
    (
        "csv without its header, columns by number",
        r#"
cico node get --count 2 -f csv | sed 1d >nodes.csv
[ "$(wc -l <nodes.csv)" = 2 ]
ADDRESS="$(cut -d , -f 3 nodes.csv | tr -d '"' | head -1)"
SSID="$(cut -d , -f 7 nodes.csv | tr -d '"' | head -1)"
case "$ADDRESS" in 172.19.2.*) ;; *) exit 1 ;; esac
[ "${#SSID}" = 36 ]
cico node done "$SSID" >/dev/null
"#,
    ),
    (
        "a file of ssids, one a line, done and failed by curl",
        r#"
for i in 1 2 3; do
    curl -s "$URL/Node/get?key=$CICO_API_KEY&ver=7&arch=x86_64" | python3 -c 'import json, sys; print(json.load(sys.stdin)["ssid"])' >>ssids
done
[ "$(curl -s "$URL/Node/fail?key=$CICO_API_KEY&ssid=$(head -1 ssids)")" = '"Done"' ]
while read -r SSID; do
    [ "$(curl -s "$URL/Node/done?key=$CICO_API_KEY&ssid=$SSID")" = '"Done"' ]
done <ssids
"#,
    ),
    (
        "an address without quotes, cut off by the shell at its ampersand",
        r#"
SSID="$(curl -s "$URL/Node/get?key=$CICO_API_KEY" | python3 -c 'import json, sys; print(json.load(sys.stdin)["ssid"])')"
[ "$(curl -s -o /dev/null -w '%{http_code}' $URL/Node/fail?key=$CICO_API_KEY)" = 403 ]
[ "$(curl -s "$URL/Node/fail?key=$CICO_API_KEY&sside=$SSID")" = '{"msg":"Invalid session ID"}' ]
[ "$(curl -s "$URL/Inventory" | grep -o "Deployed" | wc -l)" = 1 ]
curl -sf "$URL/Node/done?key=$CICO_API_KEY&ssid=$SSID" >/dev/null
"#,
    ),
];

/// The same in Python.
const PYTHON: [(&str, &str); 4] = [
    (
        "urllib, parameters in order, hosts in a loop",
        r#"
lent = json.loads(urlopen("%s/Node/get?key=%s&ver=%s&arch=%s&count=%s" % (url, key, "7", "x86_64", 2)).read())
for host in lent["hosts"]:
    assert host.endswith(".ci.centos.org"), host
assert urlopen("%s/Node/done?key=%s&ssid=%s" % (url, key, lent["ssid"])).read().strip() == b'"Done"'
"#,
    ),
    (
        "urlencode of a dictionary, i_count, a flavor for bare metal, errors are exceptions",
        r#"
asked = {"i_count": 3, "flavor": "medium", "arch": "x86_64", "key": key, "ver": "7"}
lent = json.loads(urlopen(url + "/Node/get?" + urlencode(asked)).read())
assert len(lent["hosts"]) == 1, lent
json.loads(urlopen(url + "/Node/done?" + urlencode({"ssid": lent["ssid"], "key": key})).read())
"#,
    ),
    (
        "requests in a loop until there are nodes, then all that the key holds is given back",
        r#"
taken = requests.get(url + "/Node/get", params={"key": key, "count": 8}).json()["ssid"]
for attempt in range(29):
    answer = requests.get(url + "/Node/get", params={"key": key, "ver": "7", "arch": "x86_64"})
    try:
        lent = answer.json()
        hosts, ssid = lent["hosts"], lent["ssid"]
        break
    except ValueError:
        assert answer.status_code == 200 and "Insufficient Nodes" in answer.text, answer.text
        requests.get(url + "/Node/done", params={"key": key, "ssid": taken})
assert attempt == 1, attempt
for host, ssid in requests.get(url + "/Inventory", params={"key": key}).json():
    assert requests.get(url + "/Node/done", params={"key": key, "ssid": ssid}).json() == "Done"
assert requests.get(url + "/Inventory", params={"key": key}).json() == []
"#,
    ),
    (
        "the wrapper of cico, held for long",
        r#"
from cicoclient.wrapper import CicoWrapper
cico = CicoWrapper(endpoint=url + "/", api_key=key)
hosts, ssid = cico.node_get(arch="x86_64", ver="7", count=2, retry_count=1, retry_interval=1)
assert len(hosts) == 2 and len(ssid) == 36, (hosts, ssid)
later = CicoWrapper(endpoint=url + "/", api_key=key)
assert set(later.node_done(ssid=ssid)) == set(hosts)
"#,
    ),
];

on_both!(scripts_in_the_wild_work_unchanged);

async fn scripts_in_the_wild_work_unchanged(house: &mut House) -> Result<()> {
    let programs = match PythonEnvironment::Duffy.directory() {
        Ok(programs) => programs,
        Err(reason) => {
            skip("scripts with cico and requests", &reason);
            return Ok(());
        }
    };
    for (name, script) in SHELL {
        let script = format!(
            "set -euo pipefail\ncico() {{ command cico --endpoint \"$URL/\" \"$@\"; }}\n{script}\necho good\n"
        );
        script_works(house, &programs, name, "bash", &script).await?;
    }
    for (name, script) in PYTHON {
        let script = format!(
            "import json, os, requests\nfrom urllib.parse import urlencode\nfrom urllib.request import urlopen\n\
             url, key = os.environ[\"URL\"], os.environ[\"CICO_API_KEY\"]\n{script}\nprint(\"good\")\n"
        );
        script_works(house, &programs, name, "python3", &script).await?;
    }
    Ok(())
}

async fn script_works(
    house: &House,
    programs: &Path,
    name: &str,
    interpreter: &str,
    script: &str,
) -> Result<()> {
    let path = std::env::var("PATH").unwrap_or_default();
    let directory = house.system.directory().join(name.replace(' ', "-"));
    std::fs::create_dir(&directory)?;
    let output = Command::new(interpreter)
        .arg("-c")
        .arg(script)
        .current_dir(&directory)
        .env("PATH", format!("{}:{path}", programs.display()))
        .env("URL", house.client.url(""))
        .env("CICO_API_KEY", ALPHA)
        .output()
        .await
        .with_context(|| format!("running {interpreter}"))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success() && printed.trim().ends_with("good"),
        "{name}: {printed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    ensure!(house.held(ALPHA).await?.is_empty(), "{name}");
    house.all_ready().await.context(name.to_owned())
}
