//! A running Muster with nodes to lend, and callers of its legacy API.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use muster_tests::{
    Answer, Client, Engine, Process, System, SystemOptions,
    client::send,
    setup::{Mode, Setup},
};
use reqwest::Method;
use serde_json::Value;

/// Key of a principal of tenant alpha.
pub(crate) const ALPHA: &str = "a1b5ff2b-0d0c-4a6e-9d38-1d4f5a1f0c11";
/// Key of one of tenant beta.
pub(crate) const BETA: &str = "b1b5ff2b-0d0c-4a6e-9d38-1d4f5a1f0c11";
/// Key of one of tenant gamma, which may hold [`GAMMAS_QUOTA`] nodes.
pub(crate) const GAMMA: &str = "c1b5ff2b-0d0c-4a6e-9d38-1d4f5a1f0c11";
/// Key of an administrator of tenant alpha.
pub(crate) const ADMIN: &str = "d1b5ff2b-0d0c-4a6e-9d38-1d4f5a1f0c11";
/// Nobody's.
pub(crate) const NOBODY: &str = "e1b5ff2b-0d0c-4a6e-9d38-1d4f5a1f0c11";

/// See [`GAMMA`].
pub(crate) const GAMMAS_QUOTA: usize = 3;

/// What follows short host names.
pub(crate) const SUFFIX: &str = ".ci.centos.org";

/// Nodes of release 7.
pub(crate) const METAL: usize = 8;
/// All nodes.
pub(crate) const NODES: usize = 13;

const SITE: &str = r#"
[[project]]
name = "gamma"
quota = { nodes = 3 }

[[principal]]
name = "duffy-alpha"
project = "alpha"
duffy_key = "a1b5ff2b-0d0c-4a6e-9d38-1d4f5a1f0c11"
[[principal]]
name = "duffy-beta"
project = "beta"
duffy_key = "b1b5ff2b-0d0c-4a6e-9d38-1d4f5a1f0c11"
[[principal]]
name = "duffy-gamma"
project = "gamma"
duffy_key = "c1b5ff2b-0d0c-4a6e-9d38-1d4f5a1f0c11"
[[principal]]
name = "duffy-admin"
project = "alpha"
roles = ["admin"]
duffy_key = "d1b5ff2b-0d0c-4a6e-9d38-1d4f5a1f0c11"

[[pool]]
name = "metal-7-x86_64"
version = "7"
arch = "x86_64"
fill_level = 8
[[pool]]
name = "large-9-x86_64"
version = "9-stream"
arch = "x86_64"
flavor = "large"
[[pool]]
name = "cloud-8-aarch64"
version = "8-stream"
arch = "aarch64"
flavor = "tiny"
lifetime = "never"
[[pool]]
name = "medium-8-aarch64"
version = "8-stream"
arch = "aarch64"
flavor = "medium"

[[node]]
hostname = "n[1-8].dusty"
pool = "metal-7-x86_64"
ip = "172.19.2.1"
chassis = "dusty"
console_port = 2001
[[node]]
hostname = "l1.large"
pool = "large-9-x86_64"
ip = "172.19.3.1"
[[node]]
hostname = "c[1-3].cloud"
pool = "cloud-8-aarch64"
ip = "172.19.4.1"
[[node]]
hostname = "m1.medium"
pool = "medium-8-aarch64"
ip = "172.19.5.1"
"#;

/// A running Muster with nodes.
pub(crate) struct House {
    pub(crate) system: System,
    pub(crate) client: Client,
}

/// Makes a test of an `async fn(&mut House) -> Result<()>` on each database, with `muster up`.
macro_rules! on_both {
    ($name:ident, $rules:expr) => {
        $crate::house::on_both!($name, $rules, OneProcess);
    };
    ($name:ident) => {
        $crate::house::on_both!($name, "rate_limit = 0");
    };
    ($name:ident, $rules:expr, $mode:ident) => {
        mod $name {
            use muster_tests::{
                Engine,
                setup::{Mode, Setup},
            };

            async fn on(engine: Engine) -> anyhow::Result<()> {
                let mode = Mode::$mode;
                let setup = Setup { engine, mode };
                let run = async |house: &mut $crate::house::House| super::$name(house).await;
                $crate::house::run(setup, stringify!($name), $rules, run).await
            }

            #[tokio::test]
            async fn on_sqlite() -> anyhow::Result<()> {
                on(Engine::Sqlite).await
            }

            #[tokio::test]
            async fn on_postgresql() -> anyhow::Result<()> {
                on(Engine::Postgres).await
            }
        }
    };
}
pub(crate) use on_both;

/// The same with a process for each part, which can be killed alone.
macro_rules! on_both_in_parts {
    ($name:ident) => {
        $crate::house::on_both!($name, "rate_limit = 0", Parts);
    };
}
pub(crate) use on_both_in_parts;

/// Runs `body` on a house whose parts are processes of their own.
pub(crate) async fn run_parts(
    engine: Engine,
    test: &str,
    rules: &str,
    body: impl AsyncFnOnce(&mut House) -> Result<()>,
) -> Result<()> {
    let mode = Mode::Parts;
    run(Setup { engine, mode }, test, rules, body).await
}

/// How long a call waits in parts: longer than a part that was killed takes to be back, and what it had to be delivered
/// again.
const COMMAND_DEADLINE: &str = "45s";

/// Runs `body` on a house of its own, with `rules` in the section `duffy` of its site.
pub(crate) async fn run(
    setup: Setup,
    test: &str,
    rules: &str,
    body: impl AsyncFnOnce(&mut House) -> Result<()>,
) -> Result<()> {
    if !setup.engine.is_available(test) {
        return Ok(());
    }
    let mut options = SystemOptions::new(setup.engine);
    options.site_extra = format!("{SITE}\n[duffy]\nhost_suffix = {SUFFIX:?}\n{rules}\n");
    let system = match setup.mode {
        Mode::OneProcess => System::up(options).await?,
        Mode::Parts => {
            let options = options.with("MUSTER__INGRESS__COMMAND_DEADLINE", COMMAND_DEADLINE);
            System::parts(options, 1).await?
        }
    };
    let client = system.client("")?;
    let mut house = House { system, client };
    let result = body(&mut house).await;
    result.with_context(|| house.system.output())
}

impl House {
    /// `GET path`, without any header.
    pub(crate) async fn get(&self, path: &str) -> Result<Answer> {
        send(self.client.anonymous(Method::GET, path)).await
    }

    /// A GET that has to be answered with this status and JSON.
    pub(crate) async fn json(&self, path: &str, status: u16) -> Result<Value> {
        let answer = self.get(path).await?;
        ensure!(
            answer.status == status,
            "{path}: {} {}",
            answer.status,
            answer.text()
        );
        ensure!(
            answer.header("content-type") == "application/json",
            "{path}: {}",
            answer.header("content-type")
        );
        answer.json()
    }

    /// A GET that has to be answered with this JSON.
    pub(crate) async fn expect(&self, path: &str, status: u16, body: Value) -> Result<()> {
        let got = self.json(path, status).await?;
        ensure!(got == body, "{path}: {got} instead of {body}");
        Ok(())
    }

    /// A GET that has to be answered with status 200 and this text, which is no JSON.
    pub(crate) async fn text(&self, path: &str, text: &str) -> Result<()> {
        let answer = self.get(path).await?;
        ensure!(answer.status == 200, "{path}: {}", answer.status);
        ensure!(answer.text() == text, "{path}: {}", answer.text());
        ensure!(
            answer.header("content-type") == "text/html; charset=utf-8",
            "{path}: {}",
            answer.header("content-type")
        );
        Ok(())
    }

    /// Nodes, as `query` asks for them with that key.
    pub(crate) async fn nodes(&self, key: &str, query: &str) -> Result<(Vec<String>, String)> {
        let answer = self
            .json(&format!("/Node/get?key={key}&{query}"), 200)
            .await?;
        let ssid = answer["ssid"].as_str();
        let hosts = answer["hosts"].as_array();
        let hosts = hosts.with_context(|| format!("no hosts: {answer}"))?;
        let hosts = hosts.iter().filter_map(Value::as_str).map(str::to_owned);
        Ok((
            hosts.collect(),
            ssid.with_context(|| format!("no ssid: {answer}"))?
                .to_owned(),
        ))
    }

    /// Gives a session back.
    pub(crate) async fn done(&self, key: &str, ssid: &str) -> Result<()> {
        let path = format!("/Node/done?key={key}&ssid={ssid}");
        self.expect(&path, 200, "Done".into()).await
    }

    /// The rows of the inventory by short host name.
    pub(crate) async fn inventory(&self) -> Result<BTreeMap<String, Vec<Value>>> {
        let rows = self.json("/Inventory", 200).await?;
        let rows = rows.as_array().context("the inventory is no list")?;
        rows.iter()
            .map(|row| {
                let row = row.as_array().context("a row is no list")?;
                ensure!(row.len() == 14, "{} columns", row.len());
                let name = row[1].as_str().context("no name")?;
                Ok((name.to_owned(), row.clone()))
            })
            .collect()
    }

    /// How many nodes the inventory shows in a state.
    pub(crate) async fn count(&self, state: &str) -> Result<usize> {
        let rows = self.inventory().await?;
        Ok(rows.values().filter(|row| row[5] == state).count())
    }

    /// What the sessions of a key hold: short host names and sessions.
    pub(crate) async fn held(&self, key: &str) -> Result<BTreeMap<String, String>> {
        let pairs = self.json(&format!("/Inventory?key={key}"), 200).await?;
        let pairs: Vec<(String, String)> = serde_json::from_value(pairs)?;
        Ok(pairs.into_iter().collect())
    }

    /// Stops a part in order and starts it again, so that it stops for good at the breakpoint with what comes next.
    pub(crate) async fn restart_with_breakpoint(
        &mut self,
        part: Process,
        breakpoint: &str,
    ) -> Result<()> {
        self.system.stop(part).await?;
        let set = format!("{breakpoint}=return");
        self.system.spawn_with(part, &[("FAILPOINTS", &set)])?;
        self.system.ready(part).await
    }

    /// All nodes have to be ready.
    pub(crate) async fn all_ready(&self) -> Result<()> {
        let ready = self.count("Ready").await?;
        ensure!(ready == NODES, "{ready} of {NODES} nodes are ready");
        Ok(())
    }
}

/// The name in the inventory of a host that was lent.
pub(crate) fn short(host: &str) -> &str {
    host.strip_suffix(SUFFIX).unwrap_or(host)
}
