//! The running Muster.

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use muster_testkit::{
    DEADLINE, MusterProcess, OtlpReceiver, READY_DEADLINE, ReceivedSpan, eventually,
};
use muster_tests::{
    Client, Engine, Process, System, SystemOptions,
    backendai::{Api, KeyPair},
    client::{Answer, send},
    containers::EndedWithTest,
};
use reqwest::Method;

/// The agent, which runs hooks and containers.
const AGENT: &str = "worker";

/// Duffy's key of the project `ci`.
pub(crate) const KEY: &str = "a1b5ff2b-0d0c-4a6e-9d38-1d4f5a1f0c11";

/// Of a user of the project `ci`.
const ALICE: KeyPair = KeyPair {
    access_key: "AKIAALICEALICEALICE1",
    secret_key: "alice-secret-alice-secret-alice-secret-1",
};

/// The image of compute sessions.
pub(crate) const IMAGE: &str = "shell:1";

/// One whose program is not there.
pub(crate) const BROKEN: &str = "broken:1";

/// What is prepared of a node: it waits while there is a file `hold`.
const HOOK: &str = r#"#!/bin/sh
echo "$MUSTER_NODE" >> log
while [ -e hold ]; do sleep 0.02; done
"#;

const SITE: &str = r#"
[[agent]]
name = "worker"

[[project]]
name = "ci"
quota = { nodes = 20, compute_sessions = 30, slots = { cpu = "16", mem = "32g" } }

[[principal]]
name = "duffy-ci"
project = "ci"
duffy_key = "a1b5ff2b-0d0c-4a6e-9d38-1d4f5a1f0c11"

[[principal]]
name = "alice"
project = "ci"
roles = ["user"]
access_key = "AKIAALICEALICEALICE1"
secret_key = "alice-secret-alice-secret-alice-secret-1"

[[pool]]
name = "metal-7-x86_64"
version = "7"
arch = "x86_64"
hooks = { agent = "worker", contextualize = "1m" }

[[node]]
hostname = "n[1-2].dusty"
pool = "metal-7-x86_64"

[[image]]
name = "shell:1"
command = ["sh", "-c", "exec sleep 100000"]
interpreter = ["sh", "-c", "{code}"]
minimum = { cpu = "1", mem = "64m" }

[[image]]
name = "broken:1"
command = ["/does/not/exist"]
minimum = { cpu = "1", mem = "64m" }

[duffy]
rate_limit = 0
"#;

/// A running Muster in parts, with an agent, and who receives what it traces and measures.
pub(crate) struct World {
    // Containers outlive their agent, and a test that fails does not end them.
    _ended: EndedWithTest,
    pub(crate) system: System,
    pub(crate) receiver: OtlpReceiver,
    pub(crate) client: Client,
    pub(crate) alice: Api,
    agent: MusterProcess,
    hooks: PathBuf,
}

/// A trace that is the client's own.
pub(crate) struct ClientTrace {
    /// Its id.
    pub(crate) id: String,
    /// The client's span.
    pub(crate) span: String,
    /// The header that says so.
    pub(crate) header: String,
}

impl ClientTrace {
    /// The number is not 0, as no id may be.
    pub(crate) fn new(number: u32) -> Self {
        let (id, span) = (format!("{number:032x}"), format!("{number:016x}"));
        Self {
            header: format!("00-{id}-{span}-01"),
            id,
            span,
        }
    }
}

impl World {
    pub(crate) async fn start() -> Result<Self> {
        let receiver = OtlpReceiver::start()?;
        let mut options = SystemOptions::new(Engine::Sqlite)
            .with("MUSTER__TELEMETRY__OTLP_ENDPOINT", receiver.endpoint())
            .with("MUSTER__ADMIN__LISTEN", "127.0.0.1:0")
            .with("MUSTER__INGRESS__COMMAND_DEADLINE", "45s")
            .with("MUSTER__INGRESS__QUERY_DEADLINE", "4s");
        options.site_extra = SITE.to_owned();
        let system = System::parts(options, 1).await?;
        let client = system.client("")?;
        let hooks = system.directory().join("hooks");
        fs::create_dir_all(&hooks)?;
        let program = hooks.join("contextualize");
        fs::write(&program, HOOK)?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
        let agent = start_agent(&system, &hooks).await?;
        Ok(Self {
            _ended: EndedWithTest::of(system.directory()),
            alice: Api::new(&client, ALICE),
            system,
            receiver,
            client,
            agent,
            hooks,
        })
    }

    /// The addresses that metrics are served on.
    pub(crate) fn targets(&mut self) -> Result<Vec<String>> {
        let mut targets = vec![self.client.address().to_string()];
        for part in [
            Process::Session,
            Process::NodeAllocation,
            Process::JobArchive(0),
        ] {
            targets.push(admin_address(self.system.process(part)?)?);
        }
        targets.push(admin_address(&self.agent)?);
        Ok(targets)
    }

    /// Lets hooks wait, or go on.
    pub(crate) fn hold_hooks(&self, hold: bool) -> Result<()> {
        let path = self.hooks.join("hold");
        if hold {
            fs::write(path, "").context("holding hooks")
        } else {
            fs::remove_file(path).context("letting hooks go on")
        }
    }

    /// Waits until so many hooks have begun.
    pub(crate) async fn hooks_have_begun(&self, count: usize) -> Result<()> {
        eventually(DEADLINE, "hooks", async || {
            let log = fs::read_to_string(self.hooks.join("log")).unwrap_or_default();
            (log.lines().count() >= count).then_some(())
        })
        .await
    }

    /// A request of Duffy's API in a trace of the client.
    pub(crate) async fn duffy(&self, path: &str, trace: &ClientTrace) -> Result<Answer> {
        let request = self.client.anonymous(Method::GET, path);
        send(request.header("traceparent", &trace.header)).await
    }

    /// Waits until the trace has a span for each of these names.
    pub(crate) async fn trace_with(
        &self,
        trace: &ClientTrace,
        names: &[&str],
    ) -> Result<Vec<ReceivedSpan>> {
        let all = || self.receiver.trace(&trace.id);
        eventually(DEADLINE, "the spans of a trace", async || {
            let spans = all();
            let has = |name: &&str| spans.iter().any(|span| span.name == **name);
            names.iter().all(has).then_some(spans)
        })
        .await
        .with_context(|| {
            let spans = all();
            let have: Vec<_> = spans.iter().map(|span| &span.name).collect();
            format!("wanted {names:#?}, got {have:#?}")
        })
    }

    /// Waits until the trace has a span of this name that says that it failed.
    pub(crate) async fn failed_span(
        &self,
        trace: &ClientTrace,
        name: &str,
    ) -> Result<ReceivedSpan> {
        let all = || self.receiver.trace(&trace.id);
        eventually(DEADLINE, name, async || {
            let mut spans = all().into_iter();
            spans.find(|span| span.name == name && span.is_error)
        })
        .await
        .with_context(|| format!("{:#?}", all()))
    }

    /// Waits until the parent of every span of the trace is there: those that end later, in another process, come later. Tells which
    /// are missing otherwise.
    pub(crate) async fn whole_trace(&self, trace: &ClientTrace) -> Result<Vec<ReceivedSpan>> {
        let all = || self.receiver.trace(&trace.id);
        eventually(DEADLINE, "the parents of all spans", async || {
            let spans = all();
            orphans(&spans, trace).is_empty().then_some(spans)
        })
        .await
        .with_context(|| format!("orphans: {:#?}", orphans(&all(), trace)))
    }

    pub(crate) fn output(&self) -> String {
        format!("{}\n{}", self.system.output(), self.agent.output())
    }
}

/// The names of the spans whose parents are not there, but for those below the client's own.
fn orphans(spans: &[ReceivedSpan], trace: &ClientTrace) -> Vec<String> {
    let ids: BTreeSet<&str> = spans.iter().map(|span| span.span_id.as_str()).collect();
    let is_there = |parent: &String| *parent == trace.span || ids.contains(parent.as_str());
    let orphans = spans
        .iter()
        .filter(|span| !span.parent_span_id.as_ref().is_some_and(is_there));
    orphans.map(|span| span.name.clone()).collect()
}

async fn start_agent(system: &System, hooks: &std::path::Path) -> Result<MusterProcess> {
    let hooks = hooks.to_string_lossy().into_owned();
    let arguments = ["agent", "--name", AGENT, "--hooks", &hooks];
    let mut environment = system.environment();
    environment.push(("MUSTER__AGENT__SLOTS", "cpu=4,mem=4g"));
    environment.push(("MUSTER__AGENT__CONTAINERS", "process"));
    let mut agent = MusterProcess::spawn(arguments, &environment, &system.data())?;
    let ready = format!("agent {AGENT} is ready");
    let found = eventually(READY_DEADLINE, &ready, async || {
        let is_ready = agent.stdout_lines().contains(&ready);
        (is_ready || !agent.is_running()).then_some(is_ready)
    });
    if !found.await? {
        bail!("the agent has ended: {}", agent.output());
    }
    Ok(agent)
}

/// Where a part says that its metrics are.
fn admin_address(process: &MusterProcess) -> Result<String> {
    let lines = process.stdout_lines();
    let mut addresses = lines
        .iter()
        .filter_map(|line| line.split_once(": health and metrics on http://"));
    let (_, address) = addresses.next().context("no admin address")?;
    ensure!(addresses.next().is_none());
    Ok(address.to_owned())
}
