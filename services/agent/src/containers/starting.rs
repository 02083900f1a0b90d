//! Starts containers, and starts them anew.

use std::{env, fs, io, path::Path, sync::Arc, time::Duration};

use muster_contract::{
    agent::{ContainerEnd, ContainerStart, RestartContainer, ServicePort, StartContainer},
    resource_slots,
};
use muster_platform::Timestamp;
use rustix::process::Signal;
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};
use tracing::warn;

use super::{
    container::{Container, Turn, make_directory},
    ending::END_GRACE,
    entering::{note_groups, note_hosts},
    folders,
    main::Main,
    main_process::{BOOTSTRAP_FILE, MainProcess},
    notes::Phase,
    runner::Containers,
    words,
};
use crate::hooks::Tail;

/// Bytes that a reason may have, as the contract says.
const REASON_LIMIT: usize = 4096;

/// Between two looks whether the container has started.
const LOOK_PAUSE: Duration = Duration::from_millis(20);

/// How long Docker may take to hang up.
const HANG_UP_LIMIT: Duration = Duration::from_millis(200);

/// How long one try to reach a port may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);

/// Why a container does not run.
pub(super) enum Failure {
    /// For people.
    Reason(String),
    /// The agent stops; the order has to be carried out again.
    AgentStops,
}

impl From<&str> for Failure {
    fn from(reason: &str) -> Self {
        Self::Reason(reason.to_owned())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Reason(error.to_string())
    }
}

impl Containers {
    /// Starts a container and waits until it has started. What was carried out before is answered again. The turn is to be kept until
    /// that is reported. `None` = the agent stops.
    pub(crate) async fn start(
        self: &Arc<Self>,
        order: &StartContainer,
    ) -> Option<(ContainerStart, Turn)> {
        let container = self.container(order.container);
        let turn = container.turn().await;
        if let Some(answer) = container.answer(order.order) {
            return Some((answer, turn));
        }
        let started = match container.phase() {
            Phase::New | Phase::Starting => self.start_now(&container, order).await,
            Phase::Running | Phase::Restarting => Ok(()),
            Phase::Ended => {
                // Noted below, where nothing is ended a second time.
                let reason = "it was ended before it was to be started".into();
                Err(Failure::Reason(reason))
            }
        };
        let answer = match started {
            Ok(()) => self.runs(&container),
            Err(Failure::AgentStops) => {
                leave(&container);
                return None;
            }
            Err(Failure::Reason(reason)) => {
                self.fail(&container, ContainerEnd::Unknown).await;
                failed(&reason)
            }
        };
        container
            .state()
            .notes
            .keep_answer(order.order, answer.clone());
        container.save_or_warn().await;
        Some((answer, turn))
    }

    /// Ends the processes of a container and starts them anew, with the same ports and files. `None` = the agent stops.
    pub(crate) async fn restart(
        self: &Arc<Self>,
        order: &RestartContainer,
    ) -> Option<(ContainerStart, Turn)> {
        let Some(container) = self.find(order.container) else {
            // Nobody else may have it meanwhile.
            let turn = Arc::new(tokio::sync::Mutex::new(())).lock_owned().await;
            return Some((failed("there is no such container"), turn));
        };
        let turn = container.turn().await;
        if let Some(answer) = container.answer(order.order) {
            return Some((answer, turn));
        }
        let deadline = Timestamp::from_micros(order.deadline);
        let start = container.state().notes.order.clone();
        let answer = match start {
            Some(start) if matches!(container.phase(), Phase::Running | Phase::Restarting) => {
                if deadline.since(self.clock.now()).is_zero() {
                    failed("the order came too late")
                } else {
                    match self.start_anew(&container, &start, deadline).await {
                        Ok(()) => self.runs(&container),
                        Err(Failure::AgentStops) => {
                            leave(&container);
                            return None;
                        }
                        Err(Failure::Reason(reason)) => {
                            self.fail(&container, ContainerEnd::Stopped).await;
                            failed(&reason)
                        }
                    }
                }
            }
            _ => failed("it does not run"),
        };
        container
            .state()
            .notes
            .keep_answer(order.order, answer.clone());
        container.save_or_warn().await;
        Some((answer, turn))
    }

    async fn start_now(
        self: &Arc<Self>,
        container: &Arc<Container>,
        order: &StartContainer,
    ) -> Result<(), Failure> {
        let deadline = Timestamp::from_micros(order.deadline);
        if deadline.since(self.clock.now()).is_zero() {
            return Err("the order came too late".into());
        }
        make_directory(&container.scratch())?;
        if let Some(script) = &order.bootstrap_script {
            fs::write(container.directory.join(BOOTSTRAP_FILE), script)?;
        }
        let ports = self.ports.take(container.id, words::port_count(order));
        let ports = ports.ok_or("this machine has no ports left")?;
        {
            let notes = &mut container.state().notes;
            notes.phase = Phase::Starting;
            notes.ports = words::service_ports(order, &ports);
            notes.order = Some(order.clone());
            notes.docker = self.docker.is_some();
        }
        self.run(container, order, deadline).await
    }

    async fn start_anew(
        self: &Arc<Self>,
        container: &Arc<Container>,
        start: &StartContainer,
        deadline: Timestamp,
    ) -> Result<(), Failure> {
        let before = container.phase();
        container.state().notes.phase = Phase::Restarting;
        container.save(false).await?;
        if before == Phase::Running {
            self.end_processes(container, END_GRACE).await;
        }
        self.run(container, start, deadline).await
    }

    /// Starts the main process and waits until it has started.
    async fn run(
        self: &Arc<Self>,
        container: &Arc<Container>,
        order: &StartContainer,
        deadline: Timestamp,
    ) -> Result<(), Failure> {
        if container.stopping.is_cancelled() {
            return Err("it is being ended".into());
        }
        let ports = container.state().notes.ports.clone();
        let time = deadline.since(self.clock.now());
        let main = if container.is_in_docker() {
            self.begin_in_docker(container, order, time).await?
        } else {
            self.begin_process(container, order)?
        };
        container.state().main = Some(main.clone());
        container.save(false).await?;
        container.interpreter.open().await;
        self.watch(container, main.clone());
        let awaited = words::awaited(order, &ports);
        let time = deadline.since(self.clock.now());
        self.until_started(container, &main, awaited, time).await?;
        container.state().notes.phase = Phase::Running;
        Ok(())
    }

    fn begin_process(
        &self,
        container: &Container,
        order: &StartContainer,
    ) -> Result<Main, Failure> {
        let ports = container.state().notes.ports.clone();
        folders::link(&self.folders_of(order)?, &container.scratch())?;
        let command = words::command(order, &ports);
        let environment = words::environment(order, &ports, &container.scratch());
        let path = environment.get("PATH").map(String::as_str);
        if let Some(missing) = missing(&command, path, &container.scratch()) {
            return Err(Failure::Reason(format!("there is no program {missing}")));
        }
        let is_limited = self.surround(container, order)?;
        let memory = order.slots.get(resource_slots::MEMORY).decimal().floor();
        let memory = memory.try_into().ok();
        // Of each process alone, where all of them together cannot be limited.
        let memory = memory.filter(|bytes| *bytes > 0_u64 && !is_limited);
        let main = MainProcess::start(&container.directory, &command, &environment, memory)?;
        container.state().notes.main = Some(main.note());
        Ok(Main::Process(main))
    }

    /// Puts up what is around its processes; whether the memory of all of them together is limited.
    fn surround(&self, container: &Container, order: &StartContainer) -> io::Result<bool> {
        if self.has_namespaces && order.place.hostnames.len() > 1 {
            note_hosts(&container.directory, &order.place)?;
        }
        let Some(cgroups) = &self.cgroups else {
            return Ok(false);
        };
        match cgroups.make(container.id, &order.slots) {
            Ok(groups) => {
                note_groups(&container.directory, &groups)?;
                Ok(cgroups.limit_memory())
            }
            Err(error) => {
                warn!(target: "muster::agent", container = %container.id, %error, "the limits of a container cannot be set");
                Ok(false)
            }
        }
    }

    async fn until_started(
        &self,
        container: &Container,
        main: &Main,
        ports: &[ServicePort],
        time: Duration,
    ) -> Result<(), Failure> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Failure::AgentStops),
            () = container.stopping.cancelled() => Err("it was ended while it started".into()),
            () = answers(container, ports) => Ok(()),
            code = main.exited() => {
                if ports.is_empty() && container.has_begun() {
                    // It has done what it had to do: that is reported as its end.
                    return Ok(());
                }
                let said = self.said(container).await;
                Err(Failure::Reason(format!("its main process ended (exit status {code}){said}")))
            }
            () = sleep(time) => {
                let said = self.said(container).await;
                let names: Vec<&str> = ports.iter().map(|port| port.name.as_str()).collect();
                let what = if names.is_empty() { "it".to_owned() } else { names.join(", ") };
                Err(Failure::Reason(format!("{what} did not answer in time{said}")))
            }
        }
    }

    /// The last lines that it has written, behind a colon.
    async fn said(&self, container: &Container) -> String {
        let mut tail = Tail::new(REASON_LIMIT);
        tail.push(self.text_of(container).await.as_bytes());
        let lines = tail.lines(REASON_LIMIT - 256);
        if lines.is_empty() {
            lines
        } else {
            format!(": {lines}")
        }
    }

    fn runs(&self, container: &Container) -> ContainerStart {
        ContainerStart::Running {
            host: self.address.clone(),
            service_ports: container.state().notes.ports.clone(),
        }
    }

    /// Nothing of it is left.
    async fn fail(&self, container: &Container, how: ContainerEnd) {
        if container.phase() == Phase::Ended {
            return;
        }
        self.end_processes(container, Duration::ZERO).await;
        container.end(how, self.clock.now());
        if let Some(end) = &mut container.state().notes.end {
            // That it failed says so.
            end.reported = true;
        }
        self.let_go(container).await;
    }
}

/// The agent after this one begins again.
fn leave(container: &Container) {
    if let Some(Main::Process(main)) = container.main() {
        main.signal_group(Signal::KILL);
    }
    container.state().main = None;
}

fn failed(reason: &str) -> ContainerStart {
    let mut end = reason.len().min(REASON_LIMIT);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    ContainerStart::Failed {
        reason: reason.get(..end).unwrap_or_default().to_owned(),
    }
}

/// Until what comes before the main process has ended, and all of its ports can be reached.
async fn answers(container: &Container, ports: &[ServicePort]) {
    while !container.has_begun() {
        sleep(LOOK_PAUSE).await;
    }
    let in_docker = container.is_in_docker();
    for port in ports {
        while !is_served(port.host_port, in_docker).await {
            sleep(LOOK_PAUSE).await;
        }
    }
}

/// Whether somebody listens. Docker itself takes connections at a published port, and hangs up at once while nobody listens in the
/// container.
async fn is_served(port: u16, in_docker: bool) -> bool {
    let connecting = TcpStream::connect(("127.0.0.1", port));
    let Ok(Ok(stream)) = timeout(CONNECT_LIMIT, connecting).await else {
        return false;
    };
    if !in_docker {
        return true;
    }
    match timeout(HANG_UP_LIMIT, stream.peek(&mut [0])).await {
        // Who waits for a request, or speaks first, is there.
        Err(_) | Ok(Ok(1..)) => true,
        Ok(_) => false,
    }
}

/// The program that is to be run, unless it is there.
fn missing(command: &[String], path: Option<&str>, directory: &Path) -> Option<String> {
    let Some(program) = command.first() else {
        return Some("to run".to_owned());
    };
    let found = if program.contains('/') {
        directory.join(program).is_file()
    } else {
        let path = path.unwrap_or_default();
        env::split_paths(path).any(|directory| directory.join(program).is_file())
    };
    (!found).then(|| program.clone())
}
