//! `muster agent`: runs the hooks of a site until a signal ends it.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use muster_agent::AgentOptions;
use muster_contract::subject;
use muster_messaging::{AgentBroker, AgentBrokerOptions};
use muster_platform::{
    Settings, Shutdown, host_names::is_host_name, settings::AgentSettings, shutdown::Drained,
};
use tracing::{info, warn};

use crate::{connect, nats_keys, operators_server, process::Process};

/// How long it waits for the broker to be there at its start.
const CONNECT_DEADLINE: Duration = Duration::from_secs(30);

/// How long hooks that are ended, and what is reported, may take at the end.
const END_PATIENCE: Duration = Duration::from_secs(10);

/// Runs it.
pub(crate) async fn run(settings: Settings) -> Result<()> {
    let name = settings
        .agent
        .name
        .clone()
        .context("which agent is it? Give --name, or set agent.name")?;
    ensure!(
        is_host_name(&name),
        "agents are called like hosts, and {name:?} is no name of one"
    );
    let process = Process::start(settings, "muster-agent")?;
    let shutdown = Shutdown::new();
    shutdown.listen_for_signals()?;
    let result = run_until_stopped(&process, &name, &shutdown).await;
    shutdown.trigger();
    process.end().await;
    result
}

async fn run_until_stopped(process: &Process, name: &str, shutdown: &Shutdown) -> Result<()> {
    let settings = &process.settings;
    let options = options(process, name)?;
    let patience = settings.agent.stop_grace.saturating_add(END_PATIENCE);
    let tasks = Shutdown::new();
    if let Some(address) = settings.admin.listen {
        let bound = operators_server::start(address, process, &tasks).await?;
        println!("{name}: health and metrics on http://{bound}");
    }
    let broker = AgentBroker::connect(AgentBrokerOptions {
        url: connect::url(settings)?,
        agent: name.to_owned(),
        key_seed: Some(key_seed(settings, name)?),
        connect_deadline: CONNECT_DEADLINE,
    })
    .await?;
    let health = process.health.register("agent: broker");
    tasks.spawn("agent: broker", broker.clone().watch(health, tasks.token()));
    muster_agent::start(broker.clone(), options, &process.environment, &tasks).await?;
    process.health.wait_ready().await;
    println!("agent {name} is ready");
    shutdown.token().cancelled().await;
    match tasks.drain(patience).await {
        Drained::Clean => info!(target: "muster", agent = name, "stopped in order"),
        Drained::TimedOut(running) => {
            warn!(target: "muster", agent = name, ?running, "stopped with tasks still running");
        }
    }
    broker.close().await;
    Ok(())
}

fn options(process: &Process, name: &str) -> Result<AgentOptions> {
    let settings = &process.settings;
    let AgentSettings {
        hooks_directory,
        concurrency,
        stop_grace,
        ..
    } = settings.agent.clone();
    Ok(AgentOptions {
        instance: process.instance.clone(),
        hooks_directory: hooks_directory
            .context("where are the hooks? Give --hooks, or set agent.hooks_directory")?,
        // As a token every name is a good name of a directory.
        state_directory: settings
            .data_directory
            .join("agent")
            .join(subject::encode_token(name)),
        concurrency,
        stop_grace,
    })
}

fn key_seed(settings: &Settings, name: &str) -> Result<String> {
    let path = match &settings.agent.key_file {
        Some(path) => path.clone(),
        None => nats_keys::agents_path(&settings.nats_key_directory(), name),
    };
    nats_keys::read_file(&path)
}
