//! What an earlier agent has left: containers that go on, containers that have ended meanwhile, and what nobody needs any more.

use std::{fs, io, path::PathBuf, sync::Arc, time::Duration};

use muster_platform::{Clock, Timestamp};
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use uuid::Uuid;

use super::{
    container::{Container, make_directory},
    main::Main,
    main_process::{Ending, MainProcess, UNSEEN},
    notes::{Notes, Phase},
    runner::{Containers, EndedByItself, Setting},
};

/// How long it is remembered of a container that it is over. Orders to start it are past their deadline long since.
const MEMORY: Duration = Duration::from_hours(24);

/// Of so many at most.
const REMEMBERED: usize = 10_000;

impl Containers {
    /// The containers that are noted in the setting's directory, which no other agent may use. Those that still run go on; those that have ended
    /// meanwhile are among what is returned beside, with all that will end by themselves. Nothing is begun after `stop`.
    pub(crate) async fn open(
        setting: Setting,
        clock: Arc<dyn Clock>,
        stop: CancellationToken,
    ) -> io::Result<(Arc<Self>, EndedByItself)> {
        make_directory(&setting.directory)?;
        let (tell, ended) = unbounded_channel();
        let containers = Self::empty(setting, clock.clone(), stop.clone(), tell);
        let containers = Arc::new(containers);
        for entry in fs::read_dir(&containers.directory)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            if let Some(id) = name.and_then(|name| name.parse().ok()) {
                containers.adopt(id, path).await;
            }
        }
        containers.forget_old().await;
        containers.say_what_it_lacks();
        if let Some(engine) = &containers.docker {
            tokio::spawn(engine.clone().watch(clock, stop));
        }
        Ok((containers, ended))
    }

    fn say_what_it_lacks(&self) {
        if self.docker.is_some() {
            return;
        }
        if self.cgroups.is_none() {
            info!(target: "muster::agent", "this agent may make no control groups: memory is limited for each process alone, processors not at all");
        }
        if !self.has_namespaces {
            info!(target: "muster::agent", "this agent may make no mount namespaces: host names of clusters have no addresses in their containers");
        }
    }

    async fn adopt(self: &Arc<Self>, id: Uuid, path: PathBuf) {
        let notes = Notes::read(&path);
        let container = Arc::new(Container::new(id, path, notes.clone().unwrap_or_default()));
        let Some(notes) = notes else {
            // The agent was killed before it could note that something runs.
            self.end_processes(&container, Duration::ZERO).await;
            remove(&container);
            return;
        };
        self.insert(container.clone());
        self.ports
            .mark(notes.ports.iter().map(|port| port.host_port));
        match notes.phase {
            Phase::Running => match self.main_of(&container, &notes).await {
                Ok(main) => {
                    info!(target: "muster::agent", container = %id, "a container goes on that an earlier agent started");
                    container.state().main = Some(main.clone());
                    self.watch(&container, main);
                }
                Err(ending) => {
                    warn!(target: "muster::agent", container = %id, code = ending.code, "a container has ended while no agent was there");
                    container.state().notes.accounts.ended(ending.cpu);
                    self.note_exit(&container, ending.code).await;
                }
            },
            // The order is delivered again, and carried out from its beginning.
            Phase::New | Phase::Starting | Phase::Restarting => {
                self.end_processes(&container, Duration::ZERO).await;
                if notes.phase != Phase::Restarting {
                    if let Some(engine) = self.docker.as_ref().filter(|_| notes.docker) {
                        engine.remove(id).await;
                    }
                    let ports = std::mem::take(&mut container.state().notes.ports);
                    self.ports
                        .give_back(ports.iter().map(|port| port.host_port));
                }
            }
            Phase::Ended => {
                // The end of one that was ordered to end is reported when the order is delivered again. Said of it all the same, it
                // does no harm.
                if notes.end.is_some_and(|end| !end.reported) {
                    let _ = self.ended.send(id);
                }
            }
        }
    }

    /// Its main process, if that still runs; how it ended if it does not.
    async fn main_of(&self, container: &Container, notes: &Notes) -> Result<Main, Ending> {
        if !notes.docker {
            let adopt = |main| MainProcess::adopt(main, &container.directory);
            let main = notes.main.as_ref().and_then(adopt);
            return main
                .map(Main::Process)
                .ok_or_else(|| Ending::known(&container.directory));
        }
        let unseen = Ending {
            code: UNSEEN,
            cpu: None,
        };
        let engine = self.docker.as_ref().ok_or(unseen)?;
        let main = engine.adopt(container.id).await;
        main.map(Main::Docker)
            .map_err(|code| Ending { code, cpu: None })
    }

    /// Forgets containers that are over long since.
    pub(crate) async fn forget_old(&self) {
        let mut over: Vec<(i64, Arc<Container>)> = self
            .all()
            .into_iter()
            .filter_map(|container| {
                let at = container.state().notes.end.as_ref()?.at;
                Some((at, container))
            })
            .collect();
        over.sort_unstable_by_key(|(at, _)| *at);
        let oldest = self.clock.now().minus(MEMORY);
        let surplus = over.len().saturating_sub(REMEMBERED);
        let old = over
            .into_iter()
            .enumerate()
            .filter(|(place, (at, _))| *place < surplus || Timestamp::from_micros(*at) < oldest);
        let old: Vec<Arc<Container>> = old.map(|(_, (_, container))| container).collect();
        for container in &old {
            self.forget(container.id);
        }
        // Ends early only with the runtime.
        let removing = tokio::task::spawn_blocking(move || old.iter().for_each(|one| remove(one)));
        let _ = removing.await;
        self.clean_docker().await;
    }
}

fn remove(container: &Container) {
    if let Err(error) = fs::remove_dir_all(&container.directory) {
        warn!(target: "muster::agent", container = %container.id, %error, "what is left of a container cannot be removed");
    }
}
