//! A running Muster and its agent.

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use muster_testkit::{DEADLINE, MusterProcess, READY_DEADLINE, eventually};
use muster_tests::{Answer, Client, Engine, System, SystemOptions, client::send};
use reqwest::Method;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::site::{AGENT, KEY, NODES, text, write_programs};

/// What a test chooses.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rules<'a> {
    /// In the pool's entry of the site file.
    pub(crate) pool: &'a str,
    /// In the project's entry.
    pub(crate) project: &'a str,
    /// Where all processes send what they trace.
    pub(crate) otlp: Option<&'a str>,
}

/// A running Muster and its agent.
pub(crate) struct House {
    pub(crate) system: System,
    client: Client,
    agent: Option<MusterProcess>,
    killed: Vec<MusterProcess>,
    hooks: PathBuf,
}

/// Runs `body` on a house of its own, whose agent runs; on each database that is there.
pub(crate) async fn on_both(
    test: &str,
    rules: Rules<'_>,
    body: impl AsyncFn(&mut House) -> Result<()>,
) -> Result<()> {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        on(engine, test, rules, &body).await?;
    }
    Ok(())
}

/// The same on one database.
pub(crate) async fn on(
    engine: Engine,
    test: &str,
    rules: Rules<'_>,
    body: impl AsyncFnOnce(&mut House) -> Result<()>,
) -> Result<()> {
    if !engine.is_available(test) {
        return Ok(());
    }
    let mut options = SystemOptions::new(engine);
    options.site_extra = text(rules.pool, rules.project);
    if let Some(endpoint) = rules.otlp {
        options = options.with("MUSTER__TELEMETRY__OTLP_ENDPOINT", endpoint);
    }
    let system = System::up(options).await?;
    let client = system.client("")?;
    let hooks = system.directory().join("hooks");
    write_programs(&hooks)?;
    let mut house = House {
        system,
        client,
        agent: None,
        killed: Vec::new(),
        hooks,
    };
    house.start_agent().await?;
    let result = body(&mut house).await;
    result.with_context(|| house.output())
}

impl House {
    /// Starts the agent.
    pub(crate) async fn start_agent(&mut self) -> Result<()> {
        let hooks = self.hooks.to_string_lossy().into_owned();
        let arguments = ["agent", "--name", AGENT, "--hooks", &hooks];
        let (environment, data) = (self.system.environment(), self.system.data());
        let mut agent = MusterProcess::spawn(arguments, &environment, &data)?;
        let ready = format!("agent {AGENT} is ready");
        let found = eventually(READY_DEADLINE, &ready, async || {
            let is_ready = agent.stdout_lines().contains(&ready);
            (is_ready || !agent.is_running()).then_some(is_ready)
        });
        if !found.await? {
            bail!("the agent has ended: {}", agent.output());
        }
        self.agent = Some(agent);
        Ok(())
    }

    /// Kills the agent alone (SIGKILL).
    pub(crate) fn kill_agent(&mut self) -> Result<()> {
        let mut agent = self.agent.take().context("no agent runs")?;
        agent.kill_hard()?;
        // A crash ends nobody else; what it had started is ended when its value is dropped.
        self.killed.push(agent);
        Ok(())
    }

    /// Stops the agent in order.
    pub(crate) async fn stop_agent(&mut self) -> Result<()> {
        self.terminate_agent()?;
        self.agent_has_ended().await
    }

    /// Tells the agent to stop (SIGTERM).
    pub(crate) fn terminate_agent(&mut self) -> Result<()> {
        self.agent.as_mut().context("no agent runs")?.terminate()
    }

    /// Waits until it has stopped in order.
    pub(crate) async fn agent_has_ended(&mut self) -> Result<()> {
        let mut agent = self.agent.take().context("no agent runs")?;
        let status = agent.wait(DEADLINE).await?;
        ensure!(status.success(), "{status}: {}", agent.output());
        Ok(())
    }

    /// Makes a file that the programs look for, such as `hold-provision`.
    pub(crate) fn put(&self, name: &str) -> Result<()> {
        Ok(fs::write(self.hooks.join(name), "")?)
    }

    /// Takes it away.
    pub(crate) fn take(&self, name: &str) -> Result<()> {
        Ok(fs::remove_file(self.hooks.join(name))?)
    }

    /// What the programs have written.
    pub(crate) fn log(&self) -> Vec<String> {
        let text = fs::read_to_string(self.hooks.join("log")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// How often the programs have written this line.
    pub(crate) fn times(&self, line: &str) -> usize {
        self.log().iter().filter(|one| *one == line).count()
    }

    /// Waits until the programs have written this line so often.
    pub(crate) async fn wait_for(&self, line: &str, times: usize) -> Result<()> {
        let what = format!("{line:?}, {times} times");
        let look = async || (self.times(line) >= times).then_some(());
        eventually(DEADLINE, &what, look)
            .await
            .with_context(|| format!("{:?}", self.log()))
    }

    /// `GET path`.
    pub(crate) async fn get(&self, path: &str) -> Result<Answer> {
        send(self.client.anonymous(Method::GET, path)).await
    }

    /// What the body says that a GET with status 200 brings.
    pub(crate) async fn said(&self, path: &str) -> Result<String> {
        let answer = self.get(path).await?;
        let text = answer.text();
        ensure!(answer.status == 200, "{path}: {} {text}", answer.status);
        Ok(text.trim_end().to_owned())
    }

    /// `GET path` within the client's trace.
    pub(crate) async fn get_traced(&self, path: &str, traceparent: &str) -> Result<Answer> {
        let request = self.client.anonymous(Method::GET, path);
        send(request.header("traceparent", traceparent)).await
    }

    /// Nodes: their names, and their session.
    pub(crate) async fn nodes(&self, query: &str) -> Result<(Vec<String>, String)> {
        let answer = self.get(&format!("/Node/get?key={KEY}&{query}")).await?;
        got(&answer)
    }

    /// The same, beside whatever the test does meanwhile.
    pub(crate) fn request_nodes(&self, query: &str) -> JoinHandle<Result<(Vec<String>, String)>> {
        let path = format!("/Node/get?key={KEY}&{query}");
        let request = self.client.anonymous(Method::GET, &path);
        tokio::spawn(async move { got(&send(request).await?) })
    }

    /// Gives a session back.
    pub(crate) async fn done(&self, ssid: &str) -> Result<()> {
        let path = format!("/Node/done?key={KEY}&ssid={ssid}");
        let answer = self.said(&path).await?;
        ensure!(answer == "\"Done\"", "{answer}");
        Ok(())
    }

    /// The states of all nodes, as the inventory has them at this moment.
    pub(crate) async fn states(&self) -> Result<BTreeMap<String, String>> {
        let rows = self.get("/Inventory").await?.json()?;
        let rows: Vec<Vec<Value>> = serde_json::from_value(rows)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(rows
            .iter()
            .map(|row| (text(&row[1]), text(&row[5])))
            .collect())
    }

    /// Waits until this node is in this state.
    pub(crate) async fn wait_for_state(&self, node: &str, state: &str) -> Result<()> {
        let what = format!("{node} to be {state}");
        let look = async || {
            let states = self.states().await.ok()?;
            (states.get(node)? == state).then_some(())
        };
        let found = eventually(DEADLINE, &what, look).await;
        found.with_context(|| format!("{:?}", self.log()))
    }

    /// Waits until all nodes are ready.
    pub(crate) async fn wait_until_ready(&self) -> Result<()> {
        for node in NODES {
            self.wait_for_state(node, "Ready").await?;
        }
        Ok(())
    }

    /// A session, as operators see it.
    pub(crate) async fn session(&self, ssid: &str) -> Result<Value> {
        let shown = self
            .system
            .cli(&["session", "show", ssid, "--json"])
            .await?;
        ensure!(shown.status.success(), "{shown:?}");
        Ok(serde_json::from_slice(&shown.stdout)?)
    }

    /// A node, as operators see it.
    pub(crate) async fn node(&self, name: &str) -> Result<Value> {
        let listed = self.system.cli(&["node", "list", "--json"]).await?;
        ensure!(listed.status.success(), "{listed:?}");
        let lines = String::from_utf8(listed.stdout)?;
        let mut nodes = lines.lines().map(serde_json::from_str::<Value>);
        let node = nodes.find(|node| node.as_ref().is_ok_and(|node| node["hostname"] == name));
        Ok(node.with_context(|| format!("no node {name}"))??)
    }

    fn output(&self) -> String {
        let agent = self.agent.as_ref().map(MusterProcess::output);
        format!(
            "log: {:#?}\n{}\n=== agent\n{}",
            self.log(),
            self.system.output(),
            agent.unwrap_or_default()
        )
    }
}

/// What an answer to `/Node/get` has brought.
pub(crate) fn got(answer: &Answer) -> Result<(Vec<String>, String)> {
    let text = answer.text();
    ensure!(answer.status == 200, "{} {text}", answer.status);
    let found = answer.json().with_context(|| text.clone())?;
    let mut hosts: Vec<String> =
        serde_json::from_value(found["hosts"].clone()).with_context(|| text.clone())?;
    hosts.sort();
    let ssid = found["ssid"].as_str().context("no ssid")?;
    Ok((hosts, ssid.to_owned()))
}
