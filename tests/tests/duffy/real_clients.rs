//! The real clients: cico of python-cicoclient 0.4.7, and Duffy 3.4's own.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use muster_testkit::{DEADLINE, eventually, programs::PythonEnvironment, skip};
use serde_json::Value;
use tokio::process::Command;

use crate::house::{ALPHA, GAMMA, House, METAL, NODES, on_both, short};

fn clients(what: &str) -> Option<PathBuf> {
    PythonEnvironment::Duffy
        .directory()
        .inspect_err(|reason| skip(what, reason))
        .ok()
}

/// What a program printed, and whether it ended well.
async fn run(command: &mut Command) -> Result<(bool, String)> {
    let output = command.output().await.context("running a client")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    let good = output.status.success();
    Ok((good, if good { text } else { text + &errors }))
}

struct Cico<'a> {
    programs: PathBuf,
    house: &'a House,
}

impl Cico<'_> {
    async fn run(&self, arguments: &[&str]) -> Result<(bool, String)> {
        let endpoint = self.house.client.url("/");
        run(Command::new(self.programs.join("cico"))
            .args(["--endpoint", &endpoint, "--api-key", ALPHA])
            .args(arguments)
            .env_remove("CICO_API_KEY"))
        .await
    }

    async fn good(&self, arguments: &[&str]) -> Result<String> {
        let (good, text) = self.run(arguments).await?;
        ensure!(good, "{arguments:?}: {text}");
        Ok(text)
    }

    async fn rows(&self, arguments: &[&str]) -> Result<Vec<Value>> {
        let text = self.good(arguments).await?;
        serde_json::from_str(&text).with_context(|| format!("{arguments:?}: {text}"))
    }
}

on_both!(cico_works_unchanged);

async fn cico_works_unchanged(house: &mut House) -> Result<()> {
    let Some(programs) = clients("cico") else {
        return Ok(());
    };
    let cico = Cico { programs, house };
    let nodes = cico.rows(&["node", "get", "-f", "json"]).await?;
    ensure!(nodes.len() == 1, "{nodes:?}");
    let ssid = nodes[0]["comment"].as_str().context("no comment")?;
    ensure!(house.held(ALPHA).await?.values().all(|held| held == ssid));
    let printed = cico.good(&["node", "done", ssid, "-f", "json"]).await?;
    ensure!(printed.contains(ssid), "{printed}");
    ensure!(house.held(ALPHA).await?.is_empty());

    // All its options.
    let asked = [
        "node",
        "get",
        "--arch",
        "aarch64",
        "--release",
        "8-stream",
        "--count",
        "3",
        "--flavor",
        "tiny",
        "--retry-count",
        "2",
        "--retry-interval",
        "1",
        "-f",
        "value",
        "-c",
        "hostname",
        "-c",
        "ip_address",
        "-c",
        "comment",
    ];
    let lines = cico.good(&asked).await?;
    let lines: Vec<Vec<&str>> = lines
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    ensure!(
        lines.len() == 3 && lines.iter().all(|line| line.len() == 3),
        "{lines:?}"
    );
    let second = lines[0][2];
    let (good, text) = cico.run(&asked).await?;
    ensure!(!good, "there are no more: {text}");

    // Its inventories.
    let own = cico.rows(&["inventory", "-f", "json"]).await?;
    ensure!(own.len() == 3, "{own:?}");
    let all = cico.rows(&["inventory", "--all", "-f", "json"]).await?;
    ensure!(all.len() == NODES, "{}", all.len());
    let of_session = cico
        .rows(&["inventory", "--ssid", second, "-f", "json"])
        .await?;
    ensure!(of_session.len() == 3, "{of_session:?}");
    for format in ["csv", "table", "yaml", "value"] {
        cico.good(&["inventory", "-f", format]).await?;
    }
    cico.good(&["node", "done", second]).await?;
    ensure!(house.held(ALPHA).await?.is_empty());
    house.all_ready().await
}

on_both!(cico_tries_again_when_there_are_no_nodes);

async fn cico_tries_again_when_there_are_no_nodes(house: &mut House) -> Result<()> {
    let Some(programs) = clients("cico") else {
        return Ok(());
    };
    let (_, taken) = house.nodes(GAMMA, "count=3").await?;
    let (_, rest) = house.nodes(ALPHA, &format!("count={}", METAL - 3)).await?;
    let cico = Cico { programs, house };
    // It asks at once, and then every second; the nodes come back meanwhile.
    let arguments = [
        "node",
        "get",
        "--retry-count",
        "60",
        "--retry-interval",
        "1",
        "-f",
        "value",
        "-c",
        "hostname",
    ];
    let (got, given) = tokio::join!(cico.good(&arguments), async {
        // One refusal has to have been: the third call that is in the log.
        let refused = async || {
            let lines = house.system.output();
            lines.matches("/Node/get").nth(2).map(|_| ())
        };
        eventually(DEADLINE, "a refusal", refused).await?;
        house.done(GAMMA, &taken).await
    });
    given?;
    let got = got?;
    ensure!(got.contains(".dusty"), "{got}");
    house.done(ALPHA, &rest).await?;
    for ssid in house.held(ALPHA).await?.values() {
        house.done(ALPHA, ssid).await?;
    }
    house.all_ready().await
}

struct Duffy<'a> {
    programs: PathBuf,
    house: &'a House,
    name: &'static str,
    key: &'static str,
}

impl Duffy<'_> {
    async fn run(&self, format: &str, arguments: &[&str]) -> Result<(bool, String)> {
        let url = self.house.client.url("/api/v1");
        run(Command::new(self.programs.join("duffy"))
            .args([
                "client",
                "--url",
                &url,
                "--auth-name",
                self.name,
                "--auth-key",
                self.key,
            ])
            .args(["--format", format])
            .args(arguments)
            .env("HOME", self.house.system.directory())
            .env("XDG_CONFIG_HOME", self.house.system.directory()))
        .await
    }

    async fn json(&self, arguments: &[&str]) -> Result<Value> {
        let (good, text) = self.run("json", arguments).await?;
        ensure!(good, "{arguments:?}: {text}");
        serde_json::from_str(&text).with_context(|| format!("{arguments:?}: {text}"))
    }
}

on_both!(duffys_own_client_works);

async fn duffys_own_client_works(house: &mut House) -> Result<()> {
    let Some(programs) = clients("duffy client") else {
        return Ok(());
    };
    let duffy = Duffy {
        programs,
        house,
        name: "duffy-alpha",
        key: ALPHA,
    };
    let pools = duffy.json(&["list-pools"]).await?;
    ensure!(
        pools["pools"]
            .as_array()
            .is_some_and(|pools| pools.len() == 4),
        "{pools}"
    );
    let pool = duffy.json(&["show-pool", "metal-7-x86_64"]).await?;
    ensure!(pool["pool"]["levels"]["ready"] == METAL, "{pool}");

    let request = [
        "request-session",
        "pool=metal-7-x86_64,quantity=2",
        "pool=cloud-8-aarch64,quantity=1",
    ];
    let made = duffy.json(&request).await?;
    let session = &made["session"];
    ensure!(
        session["nodes"]
            .as_array()
            .is_some_and(|nodes| nodes.len() == 3),
        "{made}"
    );
    let id = session["id"].to_string();
    for node in session["nodes"].as_array().into_iter().flatten() {
        let host = node["hostname"].as_str().unwrap_or_default();
        ensure!(house.held(ALPHA).await?.contains_key(short(host)), "{node}");
    }
    ensure!(duffy.json(&["show-session", &id]).await?["session"] == *session);
    let listed = duffy.json(&["list-sessions"]).await?;
    ensure!(
        listed["sessions"]
            .as_array()
            .is_some_and(|list| list.len() == 1),
        "{listed}"
    );
    for arguments in [
        &["list-sessions"][..],
        &["show-session", &id],
        &["list-pools"],
        &["show-pool", "metal-7-x86_64"],
    ] {
        for format in ["flat", "yaml"] {
            let (good, text) = duffy.run(format, arguments).await?;
            ensure!(
                good && !text.trim().is_empty(),
                "{format} {arguments:?}: {text}"
            );
        }
    }
    let (_, flat) = duffy.run("flat", &["show-session", &id]).await?;
    ensure!(
        flat.lines().count() == 3 && flat.contains("hostname='n"),
        "{flat}"
    );

    let other = Duffy {
        name: "duffy-gamma",
        key: GAMMA,
        programs: duffy.programs.clone(),
        house,
    };
    errors_are_told_in_words(&other, &id).await?;
    let retired = duffy.json(&["retire-session", &id]).await?;
    ensure!(retired["session"]["active"] == false, "{retired}");
    let again = duffy.json(&["retire-session", &id]).await?;
    ensure!(
        again["error"]["detail"] == format!("session {id} is retired"),
        "{again}"
    );
    house.all_ready().await
}

/// To a tenant whose session it is not, and who may hold three nodes.
async fn errors_are_told_in_words(duffy: &Duffy<'_>, id: &str) -> Result<()> {
    for (arguments, detail) in [
        (
            &["request-session", "pool=metal-7-x86_64,quantity=4"][..],
            "quota exceeded: ",
        ),
        (&["show-session", id], "Forbidden"),
        (&["retire-session", id], "Forbidden"),
        (&["show-session", "999"], "Not Found"),
        (&["show-pool", "nowhere"], "Not Found"),
        (
            &["request-session", "pool=large-9-x86_64,quantity=2"],
            "can't reserve nodes: ",
        ),
    ] {
        let told = duffy.json(arguments).await?;
        let text = told["error"]["detail"].as_str().unwrap_or_default();
        ensure!(text.starts_with(detail), "{arguments:?}: {told}");
    }
    Ok(())
}
