//! What is different for the containers that Docker runs.

use std::{
    collections::HashSet, fs, io, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use muster_contract::agent::StartContainer;
use muster_platform::settings::ContainerBackend;
use tokio::time::sleep;
use tracing::{info, warn};

use super::{
    container::{Container, make_directory},
    docker::{Engine, EngineError, Place},
    main::Main,
    notes::Phase,
    runner::Containers,
    starting::Failure,
    words,
};

/// So many containers are asked after at once.
const AT_ONCE: usize = 16;

/// What is in there, whoever the programs of an image run as may write.
const FOR_ALL: u32 = 0o777;

/// Where Docker is to be found, and for whom.
pub(crate) struct DockerSetting<'a> {
    pub(crate) backend: ContainerBackend,
    pub(crate) host: Option<&'a str>,
    /// The agent's name, and where it can be reached.
    pub(crate) agent: &'a str,
    pub(crate) address: &'a str,
    /// Where the agent notes what its containers are.
    pub(crate) directory: &'a Path,
}

/// Docker, if containers are to be run by it: because the settings say so, or because it answers and they leave it open.
pub(crate) async fn find_docker(setting: DockerSetting<'_>) -> Result<Option<Engine>, EngineError> {
    if !matches!(
        setting.backend,
        ContainerBackend::Auto | ContainerBackend::Docker
    ) {
        return Ok(None);
    }
    let found = match make_directory(setting.directory) {
        Ok(()) => {
            let (agent, address) = (setting.agent, setting.address);
            Engine::connect(setting.host, agent, address, setting.directory).await
        }
        Err(error) => Err(EngineError::new(error.to_string())),
    };
    match found {
        Ok(engine) => {
            let version = engine.version().await;
            info!(target: "muster::agent", version, "containers are run by Docker");
            Ok(Some(engine))
        }
        Err(error) if setting.backend == ContainerBackend::Auto => {
            info!(target: "muster::agent", %error, "containers are run as processes of this machine: Docker does not answer");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

impl Containers {
    /// Starts the main process, or starts it anew.
    pub(super) async fn begin_in_docker(
        &self,
        container: &Container,
        order: &StartContainer,
        time: Duration,
    ) -> Result<Main, Failure> {
        let Some(engine) = &self.docker else {
            return Err("Docker does not answer".into());
        };
        let folders = self.folders_of(order)?;
        let (home, code) = (container.scratch(), container.code());
        for directory in [&home, &code] {
            make_directory(directory)?;
            // The directory above is the agent's alone.
            fs::set_permissions(directory, fs::Permissions::from_mode(FOR_ALL))?;
        }
        remove_begun(&code)?;
        let ports = container.state().notes.ports.clone();
        let place = Place {
            words: &words::environment_in_docker(order, &ports),
            ports: &ports,
            home,
            code,
            folders: &folders,
        };
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Failure::AgentStops),
            () = container.stopping.cancelled() => Err("it was ended while it started".into()),
            started = engine.start(order, &place) => match started {
                Ok(main) => Ok(Main::Docker(main)),
                Err(error) => Err(Failure::Reason(error.to_string())),
            },
            () = sleep(time) => Err("Docker did not start it in time".into()),
        }
    }

    /// Ends whatever runs in it; what it wrote is kept.
    pub(super) async fn end_in_docker(&self, container: &Container, grace: Duration) {
        let Some(engine) = &self.docker else {
            return;
        };
        if let Some(usage) = engine.usage(container.id).await {
            container.state().notes.accounts.counted(&usage);
        }
        engine.end(container.id, grace, &container.forced).await;
        container.interpreter.close().await;
        if container.phase() != Phase::Starting || container.main().is_some() {
            container.state().notes.accounts.ended(None);
        }
        self.keep_log(container).await;
        container.state().main = None;
    }

    /// Has the file with what it wrote be what Docker has of that.
    pub(super) async fn keep_log(&self, container: &Container) {
        let Some(engine) = self.docker.as_ref().filter(|_| container.is_in_docker()) else {
            return;
        };
        // Not there (any more): what was kept before stays.
        if let Ok(bytes) = engine.logs(container.id).await {
            let path = container.log();
            let writing = tokio::task::spawn_blocking(move || fs::write(path, bytes));
            let _ = writing.await;
        }
    }

    /// Asks Docker what these have used.
    pub(super) async fn count_in_docker(&self, containers: &[Arc<Container>]) {
        let Some(engine) = &self.docker else {
            return;
        };
        let asked = containers.iter().filter(|one| one.is_in_docker());
        stream::iter(asked)
            .for_each_concurrent(AT_ONCE, async |container| {
                if let Some(usage) = engine.usage(container.id).await {
                    container.state().notes.accounts.counted(&usage);
                }
            })
            .await;
    }

    /// Removes from Docker what is nobody's: an earlier agent was killed before it could note it.
    pub(super) async fn clean_docker(&self) {
        let Some(engine) = &self.docker else {
            return;
        };
        let (mut known, mut sessions) = (HashSet::new(), HashSet::new());
        for container in self.all() {
            if container.phase() != Phase::Ended {
                known.insert(container.id);
                sessions.extend(
                    container
                        .state()
                        .notes
                        .order
                        .as_ref()
                        .map(|order| order.session),
                );
            }
        }
        if let Err(error) = engine.remove_all_but(&known).await {
            warn!(target: "muster::agent", %error, "containers of an earlier agent are not removed");
        }
        engine.remove_networks_but(&sessions).await;
    }
}

fn remove_begun(code: &Path) -> io::Result<()> {
    match fs::remove_file(code.join("begun")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
