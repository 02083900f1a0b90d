//! What operators do with nodes and sessions: files of nodes, accounts, and lists that nobody reads to their end.

use std::{fs, process::Output};

use anyhow::{Context, Result, ensure};
use muster_testkit::{DEADLINE, eventually};
use muster_tests::{Engine, System, SystemOptions, client::send};
use reqwest::Method;
use serde_json::Value;

use crate::{errors, text};

const KEY: &str = "a1b5ff2b-0d0c-4a6e-9d38-1d4f5a1f0c11";

const SITE: &str = r#"
[[principal]]
name = "duffy-alpha"
project = "alpha"
duffy_key = "a1b5ff2b-0d0c-4a6e-9d38-1d4f5a1f0c11"
[[pool]]
name = "metal"
version = "7"
arch = "x86_64"
[[node]]
hostname = "n[1-2].dusty"
pool = "metal"
ip = "172.19.2.1"
"#;

async fn system(engine: Engine) -> Result<System> {
    let mut options = SystemOptions::new(engine);
    options.site_extra = SITE.to_owned();
    System::up(options).await
}

/// A command that has to end with this code.
async fn run(system: &System, arguments: &[&str], code: i32) -> Result<Output> {
    let output = system.cli(arguments).await?;
    ensure!(
        output.status.code() == Some(code),
        "{arguments:?}: {} {} {}",
        output.status,
        text(&output),
        errors(&output)
    );
    Ok(output)
}

async fn json_lines(system: &System, arguments: &[&str], code: i32) -> Result<Vec<Value>> {
    let output = run(system, arguments, code).await?;
    let lines = text(&output);
    let lines = lines.lines().map(serde_json::from_str);
    Ok(lines.collect::<Result<_, _>>()?)
}

async fn get(system: &System, path: &str) -> Result<Value> {
    let answer = send(system.client("")?.anonymous(Method::GET, path)).await?;
    ensure!(answer.status == 200, "{path}: {}", answer.text());
    answer.json()
}

#[tokio::test]
async fn nodes_come_from_files() -> Result<()> {
    let system = system(Engine::Sqlite).await?;
    let file = system.directory().join("nodes.csv");
    let path = file.to_string_lossy().into_owned();
    let import = ["node", "import", path.as_str()];
    let head = "hostname,pool,ip_address,chassis,console_port";
    // A mistake in one line keeps all back.
    fs::write(
        &file,
        format!("{head}\nm1.rack,metal,192.0.2.1,,\nM2,metal,192.0.2.2,,\n"),
    )?;
    let output = run(&system, &import, 1).await?;
    ensure!(
        text(&output).ends_with("0 added, 1 refused, 1 not sent\n"),
        "{}",
        text(&output)
    );
    ensure!(
        json_lines(&system, &["node", "list", "--json"], 0)
            .await?
            .len()
            == 2
    );
    // What only the owner knows is told line by line; the others are there.
    let mut lines = vec![head.to_owned()];
    lines.extend(
        (1..=200).map(|number| format!("m{number}.rack,metal,192.0.2.1,\"a, b\",{number}")),
    );
    lines.extend([
        "x1.rack,nowhere,192.0.2.1,,".to_owned(),
        "n1.dusty,metal,192.0.2.1,,".to_owned(),
    ]);
    fs::write(&file, lines.join("\r\n"))?;
    let told = json_lines(&system, &["node", "import", &path, "--json"], 1).await?;
    ensure!(told.len() == 202);
    for (number, told) in (2..).zip(&told) {
        let expected = if number < 202 { "added" } else { "refused" };
        ensure!(
            told["line"] == number && told["result"] == expected,
            "{told}"
        );
    }
    let nodes = json_lines(&system, &["node", "list", "--json"], 0).await?;
    ensure!(nodes.len() == 202);
    let last = nodes
        .iter()
        .find(|node| node["hostname"] == "m200.rack")
        .context("no m200")?;
    ensure!(
        last["console_port"] == 200 && last["chassis"] == "a, b",
        "{last}"
    );
    // JSON means the same, and a second time nothing is new.
    fs::write(
        &file,
        r#"{"hostname":"j1.rack","pool":"metal","ip_address":"2001:db8::1"}"#,
    )?;
    run(&system, &import, 0).await?;
    let output = run(&system, &import, 1).await?;
    ensure!(
        text(&output).contains("there is j1.rack"),
        "{}",
        text(&output)
    );
    fs::write(&file, format!("{head}\n"))?;
    let output = run(&system, &import, 1).await?;
    ensure!(
        errors(&output).contains("names no nodes"),
        "{}",
        errors(&output)
    );

    // Refusals are told in words.
    for (arguments, expected) in [
        (
            &["node", "set-state", "m9", "ready"][..],
            "there is no node of that name",
        ),
        (
            &["node", "add", "x1.rack", "--pool", "p", "--ip", "192.0.2.1"],
            "there is no pool p",
        ),
        (&["session", "close", "7"], "there is no session 7"),
        (&["session", "show", "7"], "there is no session 7"),
    ] {
        let said = errors(&run(&system, arguments, 1).await?);
        ensure!(said.contains(expected), "{arguments:?}: {said}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_done_to_nodes_is_told_as_json() -> Result<()> {
    let system = system(Engine::Sqlite).await?;
    let add = [
        "node",
        "add",
        "m1.rack",
        "--pool",
        "metal",
        "--ip",
        "192.0.2.1",
        "--json",
    ];
    for (arguments, state) in [
        (&add[..], "ready"),
        (&["node", "drain", "m1.rack", "--json"], "reserved"),
        (
            &["node", "set-state", "m1.rack", "failed", "--json"],
            "failed",
        ),
    ] {
        let [node] = &json_lines(&system, arguments, 0).await?[..] else {
            anyhow::bail!("{arguments:?}: not one object");
        };
        ensure!(
            node["hostname"] == "m1.rack" && node["state"] == state,
            "{node}"
        );
    }
    let shown = run(&system, &["pool", "show", "metal", "--json"], 0).await?;
    let pool: Value = serde_json::from_str(&text(&shown))?;
    ensure!(
        pool["levels"]["ready"] == 2 && pool["levels"]["failed"] == 1,
        "{pool}"
    );
    let shown = text(&run(&system, &["pool", "show", "metal"], 0).await?);
    ensure!(
        shown.contains("x86_64") && shown.contains("failed") && !shown.contains("reserved"),
        "{shown}"
    );
    let said = errors(&run(&system, &["pool", "show", "wood"], 1).await?);
    ensure!(said.contains("there is no pool wood"), "{said}");
    Ok(())
}

/// `muster node list | head -n 1`
#[tokio::test]
async fn a_list_may_be_read_in_part() -> Result<()> {
    let system = system(Engine::Sqlite).await?;
    let mut command = tokio::process::Command::new(muster_testkit::programs::muster()?);
    command
        .args(["node", "list", "--json", "--data"])
        .arg(system.data())
        .envs(system.environment())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let mut child = command.spawn()?;
    // Nobody reads any of it.
    drop(child.stdout.take());
    let output = child.wait_with_output().await?;
    ensure!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    Ok(())
}

async fn accounts(engine: Engine) -> Result<()> {
    if !engine.is_available("accounts") {
        return Ok(());
    }
    let system = system(engine).await?;
    get(&system, &format!("/Session/get?key={KEY}&alias=nightly")).await?;
    get(
        &system,
        &format!("/Node/get?key={KEY}&ssid=nightly&count=2"),
    )
    .await?;
    let accounting = ["session", "accounting", "--json"];
    let used = async || {
        let accounts = json_lines(&system, &accounting, 0).await.ok()?;
        let [account] = accounts.as_slice() else {
            return None;
        };
        (account["alias"] == "nightly"
            && account["nodes"] == 2
            && account["node_seconds"].as_i64()? >= 2)
            .then_some(())
    };
    eventually(DEADLINE, "two node seconds", used).await?;
    let shown = text(&run(&system, &["session", "show", "nightly"], 0).await?);
    ensure!(
        shown.contains("nightly") && shown.contains("n2.dusty"),
        "{shown}"
    );
    let closed = json_lines(
        &system,
        &[
            "session",
            "close",
            "nightly",
            "--project",
            "alpha",
            "--json",
        ],
        0,
    )
    .await?;
    ensure!(closed[0]["state"] == "closed", "{closed:?}");
    let said = errors(&run(&system, &["session", "close", "1"], 1).await?);
    ensure!(said.contains("it is closed already"), "{said}");

    let before = json_lines(&system, &accounting, 0).await?;
    let by_session = json_lines(
        &system,
        &["session", "accounting", "--json", "--by", "session"],
        0,
    )
    .await?;
    ensure!(
        by_session[0]["session"] == closed[0]["id"]
            && by_session[0]["node_seconds"] == before[0]["node_seconds"]
    );
    let by_tenant = text(&run(&system, &["session", "accounting", "--by", "tenant"], 0).await?);
    ensure!(
        by_tenant.contains("NODE HOURS") && by_tenant.contains("alpha"),
        "{by_tenant}"
    );
    let long_ago = [
        "session",
        "accounting",
        "--json",
        "--from",
        "2020-01-01",
        "--to",
        "2020-02-01",
    ];
    ensure!(json_lines(&system, &long_ago, 0).await?.is_empty());
    let of_others = ["session", "accounting", "--json", "--project", "beta"];
    ensure!(json_lines(&system, &of_others, 0).await?.is_empty());
    run(
        &system,
        &["session", "accounting", "--from", "yesterday"],
        1,
    )
    .await?;
    Ok(())
}

#[tokio::test]
async fn accounts_on_sqlite() -> Result<()> {
    accounts(Engine::Sqlite).await
}

#[tokio::test]
async fn accounts_on_postgresql() -> Result<()> {
    accounts(Engine::Postgres).await
}
