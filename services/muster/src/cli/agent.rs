//! `muster agent`: runs the hooks of a site, and containers, until a signal ends it.

use anyhow::{Context as _, Result, ensure};
use muster_platform::{Settings, Shutdown, host_names::is_host_name};

use crate::{operators_server, parts, process::Process, running_agent::RunningAgent};

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
    let tasks = Shutdown::new();
    if let Some(address) = process.settings.admin.listen {
        let bound = operators_server::start(address, process, &tasks).await?;
        println!("{name}: health and metrics on http://{bound}");
    }
    let agent = RunningAgent::start(process, name).await?;
    process.health.wait_ready().await;
    println!("agent {name} is ready");
    shutdown.token().cancelled().await;
    agent.stop().await;
    parts::drain("operators' server", tasks).await;
    Ok(())
}
