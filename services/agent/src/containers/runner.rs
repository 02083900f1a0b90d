//! All containers of the agent.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use muster_contract::agent::{CodeRefusal, CodeRun, ContainerUsage, ExecuteCode, StartContainer};
use muster_platform::Clock;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    accounts::scratch_size,
    cgroups::Cgroups,
    code::Place as CodePlace,
    container::Container,
    docker::{Engine, inside},
    entering::has_namespaces,
    folders::{self, Folders},
    log,
    main::Main,
    notes::{Notes, Phase},
    ports::Ports,
    processes::Processes,
    starting::Failure,
    words,
};

/// Every so many times that use is counted, the scratch directories are looked at and the sums written down.
const SELDOM: u64 = 5;

/// Containers that have ended by themselves, for whoever reports that.
pub(crate) type EndedByItself = tokio::sync::mpsc::UnboundedReceiver<Uuid>;

/// What an agent has for its containers.
pub(crate) struct Setting {
    /// What is noted of them; no other agent may use it.
    pub(crate) directory: PathBuf,
    /// Where their ports can be reached.
    pub(crate) address: String,
    /// The folders of projects.
    pub(crate) folders: Option<PathBuf>,
    /// Runs those that are to come; `None` = they are processes of this machine.
    pub(crate) docker: Option<Engine>,
}

/// The containers of an agent.
pub(crate) struct Containers {
    pub(super) directory: PathBuf,
    /// Where their ports can be reached.
    pub(super) address: String,
    folders: Option<PathBuf>,
    pub(super) docker: Option<Arc<Engine>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) ports: Ports,
    pub(super) processes: Processes,
    /// Limits of processes; `None` = the agent may set none.
    pub(super) cgroups: Option<Cgroups>,
    /// Names of a session can be known to its processes.
    pub(super) has_namespaces: bool,
    /// Nothing is begun any more; what runs goes on without the agent.
    pub(super) stop: CancellationToken,
    /// As many as there are containers.
    pub(super) ended: UnboundedSender<Uuid>,
    all: Mutex<HashMap<Uuid, Arc<Container>>>,
    counted: AtomicU64,
}

impl Containers {
    pub(super) fn empty(
        setting: Setting,
        clock: Arc<dyn Clock>,
        stop: CancellationToken,
        ended: UnboundedSender<Uuid>,
    ) -> Self {
        Self {
            directory: setting.directory,
            address: setting.address,
            folders: setting.folders,
            docker: setting.docker.map(Arc::new),
            clock,
            ports: Ports::default(),
            processes: Processes::default(),
            cgroups: Cgroups::find(),
            has_namespaces: has_namespaces(),
            stop,
            ended,
            all: Mutex::default(),
            counted: AtomicU64::default(),
        }
    }

    /// The container; a new one if there is none.
    pub(super) fn container(&self, id: Uuid) -> Arc<Container> {
        let new = || {
            Arc::new(Container::new(
                id,
                self.directory.join(id.to_string()),
                Notes::default(),
            ))
        };
        self.lock().entry(id).or_insert_with(new).clone()
    }

    /// The container, if there is one.
    pub(super) fn find(&self, id: Uuid) -> Option<Arc<Container>> {
        self.lock().get(&id).cloned()
    }

    pub(super) fn insert(&self, container: Arc<Container>) {
        self.lock().insert(container.id, container);
    }

    pub(super) fn forget(&self, id: Uuid) {
        self.lock().remove(&id);
    }

    pub(super) fn all(&self) -> Vec<Arc<Container>> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Container>>> {
        // Nothing panics while holding the lock.
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The folders of an order.
    pub(super) fn folders_of(&self, order: &StartContainer) -> Result<Folders, Failure> {
        folders::find(self.folders.as_deref(), order).map_err(Failure::Reason)
    }

    /// Those that run.
    fn running(&self) -> Vec<Arc<Container>> {
        let mut all = self.all();
        all.retain(|container| container.phase() == Phase::Running);
        all
    }

    /// What those that run have used until now. Asked for again and again, it keeps their logs short, too.
    pub(crate) async fn usage(&self) -> Vec<ContainerUsage> {
        let containers = self.running();
        let seldom = self
            .counted
            .fetch_add(1, Ordering::Relaxed)
            .is_multiple_of(SELDOM);
        if containers.is_empty() {
            return Vec::new();
        }
        self.count_in_docker(&containers).await;
        let processes = self.processes.look().await;
        for container in &containers {
            if let Some(processes) = processes.get(&container.id) {
                container.state().notes.accounts.saw(processes);
            }
        }
        let looked = containers.clone();
        // Ends early only with the runtime.
        let _ = tokio::task::spawn_blocking(move || look_at_files(&looked, seldom)).await;
        if seldom {
            for container in &containers {
                if let Some(_turn) = container.turn_now()
                    && container.phase() == Phase::Running
                {
                    // The next time it may be possible.
                    let _ = container.save(false).await;
                }
            }
        }
        let used = |container: &Arc<Container>| ContainerUsage {
            container: container.id,
            usage: container.state().notes.accounts.total(),
        };
        containers.iter().map(used).collect()
    }

    /// The end of what it has written; `None` = there is no such container, or it is over.
    pub(crate) async fn logs(&self, container: Uuid) -> Option<String> {
        let container = self.find(container)?;
        if !matches!(
            container.phase(),
            Phase::Starting | Phase::Running | Phase::Restarting
        ) {
            return None;
        }
        Some(self.text_of(&container).await)
    }

    /// The end of what it has written until now.
    pub(super) async fn text_of(&self, container: &Container) -> String {
        self.keep_log(container).await;
        let path = container.log();
        let reading = tokio::task::spawn_blocking(move || log::read(&path));
        // Ends early only with the runtime.
        reading.await.unwrap_or_default()
    }

    /// Runs code in a container, or goes on with it.
    pub(crate) async fn execute(&self, asked: &ExecuteCode) -> Result<CodeRun, CodeRefusal> {
        let container = self
            .find(asked.container)
            .filter(|container| container.phase() == Phase::Running)
            .ok_or(CodeRefusal::UnknownContainer)?;
        let (order, ports) = {
            let state = container.state();
            let order = state.notes.order.clone();
            let order = order.ok_or(CodeRefusal::UnknownContainer)?;
            (order, state.notes.ports.clone())
        };
        let command = order.image.interpreter.as_deref();
        let command = command.ok_or(CodeRefusal::NoInterpreter)?;
        let docker = self.docker.as_ref().filter(|_| container.is_in_docker());
        let place = match docker {
            Some(engine) => CodePlace {
                directory: &container.code(),
                command: &words::filled(command, &inside(&ports)),
                environment: &BTreeMap::new(),
                docker: Some((engine, container.id)),
            },
            None => CodePlace {
                directory: &container.directory,
                command: &words::filled(command, &ports),
                environment: &words::environment(&order, &ports, &container.scratch()),
                docker: None,
            },
        };
        container.interpreter.execute(place, asked).await
    }

    /// Has somebody wait for the end of the main process.
    pub(super) fn watch(self: &Arc<Self>, container: &Arc<Container>, main: Main) {
        let (containers, container) = (self.clone(), container.clone());
        tokio::spawn(async move {
            let stop = containers.stop.clone();
            if let Some(code) = stop.run_until_cancelled(main.exited()).await {
                containers.has_exited(&container, &main, code).await;
            }
        });
    }
}

fn look_at_files(containers: &[Arc<Container>], seldom: bool) {
    for container in containers {
        // Not there any more, if it has just ended.
        let _ = log::trim(&container.log());
        if seldom {
            let bytes = scratch_size(&container.scratch());
            container.state().notes.accounts.saw_scratch(bytes);
        }
    }
}
