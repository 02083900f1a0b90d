//! Starts the agent.

use std::{path::PathBuf, sync::Arc, time::Duration};

use muster_contract::agent::ContainerHost;
use muster_messaging::{AgentBroker, Environment};
use muster_platform::{Shutdown, settings::ContainerBackend};

use crate::{
    StateError,
    answering::answer,
    beating::Beats,
    carrying_out::CarryingOut,
    container_orders::ContainerOrders,
    containers::{Containers, DockerSetting, EndedByItself, Setting, find_docker},
    counting::count,
    hooks::HookRunner,
    reporting::report_ends,
    taking::take,
};

/// The directory of containers, below that of its state.
const CONTAINERS_DIRECTORY: &str = "containers";

/// What an operator chooses.
#[derive(Debug, Clone)]
pub struct AgentOptions {
    /// Tells this process from others of the same agent.
    pub instance: String,
    /// Where the programs of the site are; `None` = it runs no hooks.
    pub hooks_directory: Option<PathBuf>,
    /// What it has for containers; `None` = it runs none.
    pub containers: Option<ContainerHost>,
    /// Its name.
    pub name: String,
    /// How containers are run.
    pub backend: ContainerBackend,
    /// Where Docker answers; `None` = where its own settings say.
    pub docker_host: Option<String>,
    /// Folders that sessions ask for: `PROJECT/FOLDER`; `None` = there are none.
    pub folders_directory: Option<PathBuf>,
    /// Where it notes what it does; no other process may use it.
    pub state_directory: PathBuf,
    /// How many hooks are run at once.
    pub concurrency: usize,
    /// How long what is being carried out may go on after the sign to stop.
    pub stop_grace: Duration,
}

/// Why the agent does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There are no hooks.
    #[error("there is no directory {} with hooks", .0.display())]
    NoHooks(PathBuf),
    /// It would carry out nothing.
    #[error("it has neither a directory with hooks nor anything for containers")]
    Idle,
    /// Containers are to be run by Docker.
    #[error("{0}; start it, or set agent.containers to \"process\"")]
    Docker(String),
    /// Its notes.
    #[error(transparent)]
    State(#[from] StateError),
}

/// Ends the hooks that an earlier process left running, and takes over its containers; then takes orders and carries them out until
/// `shutdown` is triggered, and a little longer. Containers go on without it.
pub async fn start(
    broker: AgentBroker,
    options: AgentOptions,
    environment: &Environment,
    shutdown: &Shutdown,
) -> Result<(), StartError> {
    match &options.hooks_directory {
        Some(hooks) if !hooks.is_dir() => return Err(StartError::NoHooks(hooks.clone())),
        None if options.containers.is_none() => return Err(StartError::Idle),
        _ => {}
    }
    let clock = environment.clock.clone();
    let state = &options.state_directory;
    // It takes the directory of the state: no other agent is at work there.
    let hooks = HookRunner::new(options.hooks_directory.clone(), state, clock).await?;
    let stop = shutdown.token();
    let containers = match &options.containers {
        Some(host) => Some(open(&options, host, environment, shutdown).await?),
        None => None,
    };
    let (containers, ended) = containers.unzip();
    let orders = ContainerOrders {
        containers: containers.clone(),
        stop: stop.clone(),
    };
    let carrying_out = Arc::new(CarryingOut::new(hooks, orders, stop.clone()));
    if let (Some(containers), Some(ended)) = (containers, ended) {
        look_after(&broker, containers, ended, shutdown);
    }
    let beats = Beats {
        broker: broker.clone(),
        carrying_out: carrying_out.clone(),
        instance: options.instance,
        concurrency: options.concurrency,
        containers: options.containers,
    };
    shutdown.spawn("agent: beats", beats.run(stop.clone()));
    let (orders, room, grace) = (
        broker.orders(stop.clone()),
        options.concurrency,
        options.stop_grace,
    );
    shutdown.spawn(
        "agent: orders",
        take(orders, carrying_out, room, grace, stop),
    );
    Ok(())
}

async fn open(
    options: &AgentOptions,
    host: &ContainerHost,
    environment: &Environment,
    shutdown: &Shutdown,
) -> Result<(Arc<Containers>, EndedByItself), StartError> {
    let directory = options.state_directory.join(CONTAINERS_DIRECTORY);
    let docker = find_docker(DockerSetting {
        backend: options.backend,
        host: options.docker_host.as_deref(),
        agent: &options.name,
        address: &host.address,
        directory: &directory,
    });
    let setting = Setting {
        directory: directory.clone(),
        address: host.address.clone(),
        folders: options.folders_directory.clone(),
        docker: docker
            .await
            .map_err(|error| StartError::Docker(error.to_string()))?,
    };
    let opened = Containers::open(setting, environment.clock.clone(), shutdown.token()).await;
    let unusable = |source| StateError::Unusable {
        path: directory,
        source,
    };
    Ok(opened.map_err(unusable)?)
}

fn look_after(
    broker: &AgentBroker,
    containers: Arc<Containers>,
    ended: EndedByItself,
    shutdown: &Shutdown,
) {
    let stop = shutdown.token();
    shutdown.spawn(
        "agent: ends of containers",
        report_ends(broker.clone(), containers.clone(), ended, stop.clone()),
    );
    shutdown.spawn(
        "agent: use of containers",
        count(broker.clone(), containers.clone(), stop.clone()),
    );
    shutdown.spawn(
        "agent: questions",
        answer(broker.questions(stop), containers),
    );
}
