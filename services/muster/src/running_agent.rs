//! An agent in this process: that of `muster agent`, or the one that `muster up` runs itself.

use std::time::Duration;

use anyhow::{Context as _, Result};
use muster_agent::{AgentOptions, machine_slots};
use muster_contract::{agent::ContainerHost, subject};
use muster_messaging::{AgentBroker, AgentBrokerOptions};
use muster_platform::{
    Settings, Shutdown, Site,
    settings::{AgentSettings, ContainerBackend},
    shutdown::Drained,
};
use tracing::{info, warn};

use crate::{connect, nats_keys, process::Process};

/// How `muster up` calls its own agent, if nobody says otherwise.
pub(crate) const LOCAL_AGENT: &str = "local";

/// How long it waits for the broker to be there at its start.
const CONNECT_DEADLINE: Duration = Duration::from_secs(30);

/// How long hooks that are ended, and what is reported, may take at the end.
const END_PATIENCE: Duration = Duration::from_secs(10);

/// The agent that `muster up` is to run: the one of `agent.name`, by default [`LOCAL_AGENT`], if the site has it.
pub(crate) fn own_of(settings: &Settings, site: &Site) -> Option<String> {
    let name = settings.agent.name.as_deref().unwrap_or(LOCAL_AGENT);
    let declared = site.agents.iter().any(|agent| agent.name == name);
    (settings.agent.enabled && declared).then(|| name.to_owned())
}

/// An agent that takes orders.
pub(crate) struct RunningAgent {
    name: String,
    broker: AgentBroker,
    tasks: Shutdown,
    patience: Duration,
}

impl RunningAgent {
    /// Starts it.
    pub(crate) async fn start(process: &Process, name: &str) -> Result<Self> {
        let settings = &process.settings;
        let options = options(process, name);
        let tasks = Shutdown::new();
        let broker = AgentBroker::connect(AgentBrokerOptions {
            url: connect::url(settings)?,
            agent: name.to_owned(),
            key_seed: Some(key_seed(settings, name)?),
            connect_deadline: CONNECT_DEADLINE,
        })
        .await?
        .measuring(
            process.telemetry.metrics(),
            process.environment.clock.clone(),
        );
        let health = process.health.register("agent: broker");
        tasks.spawn("agent: broker", broker.clone().watch(health, tasks.token()));
        muster_agent::start(broker.clone(), options, &process.environment, &tasks).await?;
        Ok(Self {
            name: name.to_owned(),
            broker,
            tasks,
            patience: settings.agent.stop_grace.saturating_add(END_PATIENCE),
        })
    }

    /// Ends it in order: what it does now is finished, or ended when its time is up.
    pub(crate) async fn stop(self) {
        match self.tasks.drain(self.patience).await {
            Drained::Clean => info!(target: "muster", agent = self.name, "stopped in order"),
            Drained::TimedOut(running) => {
                warn!(target: "muster", agent = self.name, ?running, "stopped with tasks still running");
            }
        }
        self.broker.close().await;
    }
}

fn options(process: &Process, name: &str) -> AgentOptions {
    let settings = &process.settings;
    let slots = settings.agent.resource_slots();
    let AgentSettings {
        hooks_directory,
        concurrency,
        stop_grace,
        containers,
        scaling_group,
        address,
        docker_host,
        folders_directory,
        ..
    } = settings.agent.clone();
    let host = ContainerHost {
        scaling_group,
        slots: slots.unwrap_or_else(machine_slots),
        address,
    };
    AgentOptions {
        instance: process.instance.clone(),
        hooks_directory,
        containers: (containers != ContainerBackend::Off).then_some(host),
        name: name.to_owned(),
        backend: containers,
        docker_host,
        folders_directory,
        // As a token every name is a good name of a directory.
        state_directory: settings
            .data_directory
            .join("agent")
            .join(subject::encode_token(name)),
        concurrency,
        stop_grace,
    }
}

fn key_seed(settings: &Settings, name: &str) -> Result<String> {
    let path = match &settings.agent.key_file {
        Some(path) => path.clone(),
        None => nats_keys::agents_path(&settings.nats_key_directory(), name),
    };
    nats_keys::read_file(&path).with_context(|| {
        format!(
            "agent {name} cannot sign in here; `muster up` runs it unless agent.enabled is false"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(agents: &[&str]) -> Site {
        let entries: Vec<String> = agents
            .iter()
            .map(|name| format!("[[agent]]\nname = {name:?}\n"))
            .collect();
        let text = entries.concat();
        Site::parse(&text, std::path::Path::new("site.toml")).unwrap()
    }

    #[test]
    fn one_machine_runs_the_agent_that_the_site_calls_so() {
        let mut settings = Settings::default();
        assert_eq!(own_of(&settings, &site(&[])), None);
        assert_eq!(own_of(&settings, &site(&["provisioner"])), None);
        let both = site(&["local", "provisioner"]);
        assert_eq!(own_of(&settings, &both).as_deref(), Some("local"));
        settings.agent.name = Some("provisioner".to_owned());
        assert_eq!(own_of(&settings, &both).as_deref(), Some("provisioner"));
        settings.agent.enabled = false;
        assert_eq!(own_of(&settings, &both), None);
    }
}
