//! Ends containers, and takes note of those that end by themselves.

use std::{fs, sync::Arc, time::Duration};

use muster_contract::agent::{ContainerEnd, ContainerEnded, StopContainer};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::time::{Instant, sleep};
use tracing::warn;
use uuid::Uuid;

use super::{
    container::{Container, Turn},
    log,
    main::Main,
    main_process::Ending,
    notes::Phase,
    process::Process,
    processes::groups,
    runner::Containers,
};

/// How long processes that were asked to end (SIGTERM) may take before they are killed.
pub(super) const END_GRACE: Duration = Duration::from_secs(5);

/// How long killed processes may take to be gone. Longer only if the kernel holds one up.
const KILL_PATIENCE: Duration = Duration::from_secs(5);

/// Between two looks whether anybody is left.
const LOOK_PAUSE: Duration = Duration::from_millis(20);

impl Containers {
    /// Ends a container, wherever it is, and says how it ended. The turn is to be kept until that is reported.
    pub(crate) async fn stop(&self, order: &StopContainer) -> (ContainerEnded, Turn) {
        let container = self.container(order.container);
        // Before the turn: whoever has it waits for the container to start, perhaps, or for it to end in order.
        container.stopping.cancel();
        if order.forced {
            container.forced.cancel();
        }
        let turn = container.turn().await;
        let phase = container.phase();
        if phase != Phase::Ended {
            let grace = if order.forced {
                Duration::ZERO
            } else {
                END_GRACE
            };
            self.end_processes(&container, grace).await;
            let ran = matches!(phase, Phase::Running | Phase::Restarting);
            let how = if ran {
                ContainerEnd::Stopped
            } else {
                ContainerEnd::Unknown
            };
            container.end(how, self.clock.now());
            self.let_go(&container).await;
            container.save_or_warn().await;
        }
        let mut ended = ended(&container).await;
        ended.order = Some(order.order);
        (ended, turn)
    }

    /// The main process has ended by itself, unless somebody has just ended it.
    pub(super) async fn has_exited(
        self: &Arc<Self>,
        container: &Arc<Container>,
        main: &Main,
        code: i32,
    ) {
        // Whoever starts it has the turn until that is reported, so that a start is reported before the end.
        let _turn = container.turn().await;
        if container.is_led_by(main) && container.phase() == Phase::Running {
            self.note_exit(container, code).await;
        }
    }

    /// Its main process has ended by itself, and all else ends with it. Only while one has the turn.
    pub(super) async fn note_exit(&self, container: &Arc<Container>, code: i32) {
        self.end_processes(container, Duration::ZERO).await;
        container.end(ContainerEnd::Exited { code }, self.clock.now());
        self.let_go(container).await;
        container.save_or_warn().await;
        // Nobody listens any more only when the agent stops.
        let _ = self.ended.send(container.id);
    }

    /// What is to be reported of a container that has ended by itself; `None` = it is reported.
    pub(crate) async fn ended(&self, container: Uuid) -> Option<ContainerEnded> {
        let container = self.find(container)?;
        let is_open = |container: &Container| {
            let state = container.state();
            state.notes.end.as_ref().is_some_and(|end| !end.reported)
        };
        if !is_open(&container) {
            return None;
        }
        Some(ended(&container).await)
    }

    /// Its end was reported: what it wrote is not needed any more.
    pub(crate) async fn reported(&self, container: Uuid) {
        let Some(container) = self.find(container) else {
            return;
        };
        if let Some(end) = &mut container.state().notes.end {
            end.reported = true;
        }
        // Reported twice it does no harm, so that this need not survive the machine.
        let _ = container.save(false).await;
        let path = container.log();
        let _ = tokio::task::spawn_blocking(move || fs::remove_file(path)).await;
    }

    /// Ends whatever runs in it: asks for it if there is a grace, then kills.
    pub(super) async fn end_processes(&self, container: &Container, grace: Duration) {
        if container.is_in_docker() {
            return self.end_in_docker(container, grace).await;
        }
        let began = Instant::now();
        let main = container.main();
        let processes = self.processes.of(container.id).await;
        container.state().notes.accounts.saw(&processes);
        if !grace.is_zero() {
            send(&processes, Signal::TERM);
            if let Some(main) = &main {
                tokio::select! {
                    _ = main.exited() => {}
                    () = container.forced.cancelled() => {}
                    () = sleep(grace) => {}
                }
            }
        }
        self.kill_rest(container, began, grace).await;
        if container.interpreter.close().await {
            self.kill_rest(container, Instant::now(), Duration::ZERO)
                .await;
        }
        if let Some(main) = main {
            // It is dead; the one who waits for it has perhaps not had the time.
            let _ = tokio::time::timeout(KILL_PATIENCE, main.exited()).await;
            let cpu = Ending::noted(&container.directory).and_then(|ending| ending.cpu);
            container.state().notes.accounts.ended(cpu);
        }
        container.state().main = None;
    }

    /// Until nobody is left; whoever is there after the grace is killed.
    async fn kill_rest(&self, container: &Container, began: Instant, grace: Duration) {
        loop {
            let processes = self.processes.of(container.id).await;
            if processes.is_empty() {
                return;
            }
            if began.elapsed() >= grace || container.forced.is_cancelled() {
                send(&processes, Signal::KILL);
            }
            if began.elapsed() >= grace + KILL_PATIENCE {
                warn!(target: "muster::agent", container = %container.id, left = processes.len(), "processes of a container cannot be killed");
                return;
            }
            sleep(LOOK_PAUSE).await;
        }
    }

    /// It needs nothing of the machine any more but its notes and what it wrote.
    pub(super) async fn let_go(&self, container: &Container) {
        let ports = std::mem::take(&mut container.state().notes.ports);
        self.ports
            .give_back(ports.iter().map(|port| port.host_port));
        let order = container.state().notes.order.take();
        let docker = self.docker.as_ref().filter(|_| container.is_in_docker());
        if let (Some(engine), Some(order)) = (docker, order) {
            engine.remove_with_network(&order).await;
        }
        if let Some(cgroups) = &self.cgroups {
            cgroups.remove(container.id);
        }
        let scratch = container.scratch();
        tokio::task::spawn_blocking(move || fs::remove_dir_all(scratch));
    }
}

/// What is to be reported of it.
async fn ended(container: &Container) -> ContainerEnded {
    let (how, usage) = {
        let notes = &container.state().notes;
        let how = notes.end.as_ref().map(|end| end.how.clone());
        (how.unwrap_or(ContainerEnd::Unknown), notes.accounts.total())
    };
    let path = container.log();
    let logs = tokio::task::spawn_blocking(move || log::read(&path)).await;
    ContainerEnded {
        order: None,
        container: container.id,
        usage: (how != ContainerEnd::Unknown).then_some(usage),
        end: how,
        logs: logs.unwrap_or_default(),
    }
}

/// To these, and to whoever is in the groups that they lead and was begun since.
fn send(processes: &[Process], signal: Signal) {
    let groups = groups(processes);
    for group in &groups {
        if let Some(group) = Pid::from_raw(*group) {
            // Fails when nobody is left.
            let _ = kill_process_group(group, signal);
        }
    }
    // Others may be in a group of somebody else's, the agent's own for example.
    for process in processes {
        if !groups.contains(&process.group) {
            process.id.signal(signal);
        }
    }
}
