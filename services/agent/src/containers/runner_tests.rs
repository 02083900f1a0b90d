//! Real processes, started and ended in every way.

use std::{
    collections::BTreeMap,
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use muster_contract::{
    Amount, ResourceSlots,
    agent::{
        ClusterPlace, CodeMode, CodeRefusal, CodeRun, CodeRunStatus, ContainerEnd, ContainerEnded,
        ContainerImage, ContainerStart, ExecuteCode, FolderMount, ImageService, RestartContainer,
        ServicePort, ServiceProtocol, StartContainer, StopContainer,
    },
};
use muster_platform::{Clock as _, Ids as _, RandomIds, SystemClock, settings::ContainerBackend};
use muster_testkit::{DEADLINE, TemporaryDirectory, eventually, skip};
use rustix::process::Signal;
use tokio::{net::TcpStream, time::timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    DockerSetting,
    cgroups::Cgroups,
    find_docker,
    main::Main,
    notes::Phase,
    process::{ProcessId, numbers, variable},
    runner::{Containers, EndedByItself, Setting},
};

/// An order to start a container with this command and, perhaps, a service.
pub(crate) fn order(command: &[&str], service: Option<&str>) -> StartContainer {
    let service = service.map(|name| ImageService {
        name: name.to_owned(),
        protocol: ServiceProtocol::Http,
        port: 8000,
    });
    StartContainer {
        order: RandomIds.next(),
        container: RandomIds.next(),
        session: RandomIds.next(),
        session_name: "mine".to_owned(),
        deadline: SystemClock.now().plus(DEADLINE).as_micros(),
        image: ContainerImage {
            name: "test:1".to_owned(),
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            docker: None,
            interpreter: None,
            services: service.into_iter().collect(),
            environ: BTreeMap::new(),
        },
        startup_command: None,
        bootstrap_script: None,
        environ: BTreeMap::new(),
        slots: ResourceSlots::default(),
        project: "demo".to_owned(),
        folders: Vec::new(),
        preopen_ports: Vec::new(),
        place: ClusterPlace {
            index: 0,
            hostname: "main1".to_owned(),
            hostnames: vec!["main1".to_owned()],
            agents: Vec::new(),
            addresses: Vec::new(),
        },
    }
}

const SERVER: [&str; 5] = [
    "python3",
    "-m",
    "http.server",
    "--bind=127.0.0.1",
    "{port:http}",
];

fn sh(script: &str) -> StartContainer {
    order(&["sh", "-c", script], None)
}

/// The machine of an agent.
pub(crate) struct House {
    pub(crate) directory: TemporaryDirectory,
}

/// An agent, until it is killed.
pub(crate) struct Agent {
    pub(crate) containers: Arc<Containers>,
    pub(crate) ended: EndedByItself,
    stop: CancellationToken,
}

impl House {
    pub(crate) fn new() -> Self {
        Self {
            directory: TemporaryDirectory::new("containers").unwrap(),
        }
    }

    async fn agent(&self) -> Agent {
        self.agent_with(None).await
    }

    /// An agent that has its containers run by Docker, which answers there.
    pub(crate) async fn agent_with(&self, docker: Option<&str>) -> Agent {
        let stop = CancellationToken::new();
        let directory = self.directory.join("state");
        let docker = find_docker(DockerSetting {
            backend: match docker {
                Some(_) => ContainerBackend::Docker,
                None => ContainerBackend::Process,
            },
            host: docker,
            agent: "a1",
            address: "127.0.0.1",
            directory: &directory,
        });
        let (containers, ended) = Containers::open(
            Setting {
                directory: directory.clone(),
                address: "127.0.0.1".to_owned(),
                folders: Some(self.directory.join("folders")),
                docker: docker.await.unwrap(),
            },
            Arc::new(SystemClock),
            stop.clone(),
        )
        .await
        .unwrap();
        Agent {
            containers,
            ended,
            stop,
        }
    }

    pub(crate) fn scratch(&self, order: &StartContainer, file: &str) -> std::path::PathBuf {
        let container = order.container;
        self.directory
            .join(format!("state/{container}/scratch/{file}"))
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let home = self.directory.path().to_str().unwrap();
        for number in numbers() {
            if variable(number, "HOME").is_some_and(|one| one.starts_with(home))
                && let Some(process) = ProcessId::of(number)
            {
                process.signal(Signal::KILL);
            }
        }
    }
}

impl Agent {
    /// As SIGKILL does.
    pub(crate) fn kill(self) {
        self.stop.cancel();
    }

    /// How many containers run.
    pub(crate) fn count(&self) -> usize {
        let all = self.containers.all();
        all.iter()
            .filter(|one| one.phase() == Phase::Running)
            .count()
    }

    pub(crate) async fn start(&self, order: &StartContainer) -> ContainerStart {
        self.containers.start(order).await.unwrap().0
    }

    pub(crate) async fn ports(&self, order: &StartContainer) -> Vec<ServicePort> {
        ports(self.start(order).await)
    }

    pub(crate) async fn restart(&self, order: &StartContainer) -> ContainerStart {
        let order = RestartContainer {
            order: RandomIds.next(),
            container: order.container,
            deadline: SystemClock.now().plus(DEADLINE).as_micros(),
        };
        self.containers.restart(&order).await.unwrap().0
    }

    pub(crate) async fn stop(&self, container: Uuid, forced: bool) -> ContainerEnded {
        let order = StopContainer {
            order: RandomIds.next(),
            container,
            session: None,
            forced,
        };
        let (ended, _turn) = self.containers.stop(&order).await;
        assert_eq!(ended.order, Some(order.order));
        self.containers.reported(container).await;
        ended
    }

    pub(crate) async fn ends_by_itself(&mut self) -> ContainerEnded {
        let container = timeout(DEADLINE, self.ended.recv()).await.unwrap().unwrap();
        let ended = self.containers.ended(container).await.unwrap();
        assert_eq!((ended.container, ended.order), (container, None));
        self.containers.reported(container).await;
        assert!(self.containers.ended(container).await.is_none());
        ended
    }

    /// One step of a run of code.
    pub(crate) async fn ask(
        &self,
        container: Uuid,
        run: &str,
        mode: CodeMode,
    ) -> Result<CodeRun, CodeRefusal> {
        let run = run.to_owned();
        let asked = ExecuteCode {
            container,
            run,
            mode,
        };
        self.containers.execute(&asked).await
    }

    /// A run of code, to the point where nothing comes any more.
    pub(crate) async fn run(
        &self,
        container: Uuid,
        run: &str,
        mode: CodeMode,
    ) -> Result<CodeRun, CodeRefusal> {
        let mut whole = self.ask(container, run, mode).await?;
        while whole.status == CodeRunStatus::Continued {
            let next = self.ask(container, run, CodeMode::Continue).await?;
            whole.status = next.status;
            whole.exit_code = next.exit_code;
            whole.console.extend(next.console);
        }
        Ok(whole)
    }

    pub(crate) async fn query(&self, container: Uuid, code: &str) -> CodeRun {
        let code = code.to_owned();
        self.run(container, "run", CodeMode::Query { code })
            .await
            .unwrap()
    }
}

pub(crate) fn ports(start: ContainerStart) -> Vec<ServicePort> {
    match start {
        ContainerStart::Running {
            host,
            service_ports,
        } => {
            assert_eq!(host, "127.0.0.1");
            service_ports
        }
        ContainerStart::Failed { reason } => panic!("{reason}"),
    }
}

pub(crate) fn reason(start: ContainerStart) -> String {
    match start {
        ContainerStart::Failed { reason } => reason,
        ContainerStart::Running { .. } => panic!("it runs"),
    }
}

pub(crate) fn text(run: &CodeRun, kind: &str) -> String {
    let items = run.console.iter().filter(|item| item.kind == kind);
    items.map(|item| item.text.as_str()).collect()
}

async fn answers(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).await.is_ok()
}

#[tokio::test]
async fn a_container_has_started_when_its_port_answers_and_all_of_it_ends() {
    let (house, order) = (House::new(), order(&SERVER, Some("http")));
    let agent = house.agent().await;
    let ports = agent.ports(&order).await;
    assert_eq!(
        (ports.len(), ports[0].name.as_str(), ports[0].container_port),
        (1, "http", 8000)
    );
    assert!(answers(ports[0].host_port).await);
    // Delivered again.
    assert_eq!(agent.ports(&order).await, ports);
    assert_eq!(
        agent.containers.processes.of(order.container).await.len(),
        2
    );
    let ended = agent.stop(order.container, false).await;
    assert_eq!(ended.end, ContainerEnd::Stopped);
    assert!(ended.usage.unwrap().mem_max_bytes > 0);
    assert!(!answers(ports[0].host_port).await);
    assert!(
        agent
            .containers
            .processes
            .of(order.container)
            .await
            .is_empty()
    );
    let again = agent.stop(order.container, true).await;
    assert_eq!(again.end, ContainerEnd::Stopped);
    // And the order to start it, once more.
    assert_eq!(agent.ports(&order).await, ports);
    assert_eq!(agent.count(), 0);
    assert_eq!(agent.containers.logs(order.container).await, None);
    let gone = async || (!house.scratch(&order, "").exists()).then_some(());
    eventually(DEADLINE, "the scratch directory is gone", gone)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_container_whose_main_process_is_killed_is_over_at_once_with_all_of_it() {
    let house = House::new();
    let mut agent = house.agent().await;
    let order = sh("echo begun; setsid sleep 600 & sleep 600");
    agent.ports(&order).await;
    let logged = async || {
        let logs = agent.containers.logs(order.container).await.unwrap();
        (logs == "begun\n").then_some(())
    };
    eventually(DEADLINE, "it writes", logged).await.unwrap();
    let main = agent
        .containers
        .find(order.container)
        .unwrap()
        .main()
        .unwrap();
    let killed = Instant::now();
    let Main::Process(main) = main else {
        panic!("it is no process");
    };
    main.id().signal(Signal::KILL);
    let ended = agent.ends_by_itself().await;
    assert_eq!(ended.end, ContainerEnd::Exited { code: 137 });
    assert_eq!(ended.logs, "begun\n");
    // A second where the machine has nothing else to do.
    assert!(killed.elapsed() < Duration::from_secs(20));
    assert!(
        agent
            .containers
            .processes
            .of(order.container)
            .await
            .is_empty()
    );
    // Ordered to end all the same.
    let stopped = agent.stop(order.container, false).await;
    assert_eq!(stopped.end, ContainerEnd::Exited { code: 137 });
}

#[tokio::test]
async fn containers_go_on_without_the_agent_and_the_next_one_has_them() {
    let (house, order) = (House::new(), order(&SERVER, Some("http")));
    let first = house.agent().await;
    let ports = first.ports(&order).await;
    let main = first
        .containers
        .find(order.container)
        .unwrap()
        .main()
        .unwrap();
    first.kill();
    let mut second = house.agent().await;
    assert!(answers(ports[0].host_port).await);
    assert_eq!(second.count(), 1);
    assert_eq!(second.ports(&order).await, ports);
    let usage = second.containers.usage().await;
    assert!(usage[0].usage.mem_cur_bytes > 0);
    let Main::Process(main) = main else {
        panic!("it is no process");
    };
    main.id().signal(Signal::KILL);
    assert_eq!(
        second.ends_by_itself().await.end,
        ContainerEnd::Exited { code: 137 }
    );
    assert!(!answers(ports[0].host_port).await);
    second.kill();
    let third = house.agent().await;
    let stopped = third.stop(order.container, false).await;
    assert_eq!(stopped.end, ContainerEnd::Exited { code: 137 });
}

#[tokio::test]
async fn what_has_ended_while_no_agent_was_there_is_said_by_the_next_one() {
    let house = House::new();
    let first = house.agent().await;
    let order = sh("while [ ! -e go ]; do sleep 0.01; done; echo gone; exit 3");
    first.ports(&order).await;
    let main = first
        .containers
        .find(order.container)
        .unwrap()
        .main()
        .unwrap();
    first.kill();
    fs::write(house.scratch(&order, "go"), "").unwrap();
    timeout(DEADLINE, main.exited()).await.unwrap();
    // Killed before it could report: the one after it says so.
    let silent = house.agent().await;
    silent.kill();
    let mut last = house.agent().await;
    let ended = last.ends_by_itself().await;
    assert_eq!(ended.end, ContainerEnd::Exited { code: 3 });
    assert_eq!(ended.logs, "gone\n");
    assert!(ended.usage.is_some());
}

#[tokio::test]
async fn an_agent_that_stops_while_a_container_starts_leaves_it_to_the_next_one() {
    let house = House::new();
    let first = house.agent().await;
    let script =
        r#"[ -e ../../../go ] && exec python3 -m http.server "$MUSTER_PORT_HTTP"; sleep 600"#;
    let order = order(&["sh", "-c", script], Some("http"));
    let (containers, asked) = (first.containers.clone(), order.clone());
    let starting = tokio::spawn(async move { containers.start(&asked).await.is_none() });
    let begun = async || {
        let processes = first.containers.processes.of(order.container).await;
        (processes.len() == 3).then_some(())
    };
    eventually(DEADLINE, "it starts", begun).await.unwrap();
    first.kill();
    assert!(starting.await.unwrap());
    fs::write(house.directory.join("go"), "").unwrap();
    let second = house.agent().await;
    assert_eq!(second.count(), 0);
    let ports = second.ports(&order).await;
    assert!(answers(ports[0].host_port).await);
    second.stop(order.container, true).await;
}

#[tokio::test]
async fn a_container_that_was_ended_before_it_was_started_is_never_started() {
    let (house, order) = (House::new(), sh("sleep 600"));
    let agent = house.agent().await;
    let ended = agent.stop(order.container, false).await;
    assert_eq!((ended.end, ended.usage), (ContainerEnd::Unknown, None));
    agent.kill();
    let agent = house.agent().await;
    assert!(reason(agent.start(&order).await).contains("ended before"));
    assert!(reason(agent.restart(&order).await).contains("does not run"));
    let unknown = sh("sleep 600");
    assert!(reason(agent.restart(&unknown).await).contains("no such container"));
}

#[tokio::test]
async fn a_container_that_does_not_come_to_answer_can_be_ended() {
    let (house, order) = (House::new(), order(&["sleep", "600"], Some("http")));
    let agent = house.agent().await;
    let (containers, asked) = (agent.containers.clone(), order.clone());
    let starting = tokio::spawn(async move { containers.start(&asked).await.unwrap().0 });
    let begun = async || {
        let processes = agent.containers.processes.of(order.container).await;
        (processes.len() == 2).then_some(())
    };
    eventually(DEADLINE, "it starts", begun).await.unwrap();
    let ended = agent.stop(order.container, false).await;
    assert_eq!(ended.end, ContainerEnd::Unknown);
    assert!(reason(starting.await.unwrap()).contains("ended while it started"));
    assert!(
        agent
            .containers
            .processes
            .of(order.container)
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn why_a_container_does_not_start() {
    let house = House::new();
    let mut agent = house.agent().await;
    let missing = order(&["no-such-program"], None);
    let none = order(&[], None);
    let dies = order(&["sh", "-c", "echo no licence; exit 4"], Some("http"));
    let mut slow = order(&["sleep", "600"], Some("web"));
    slow.deadline = SystemClock.now().plus(Duration::from_secs(2)).as_micros();
    let mut late = sh("sleep 600");
    late.deadline = SystemClock.now().as_micros();
    let mut bootstrap = sh("sleep 600");
    bootstrap.bootstrap_script = Some("echo no disk >&2; exit 5".to_owned());
    for (order, expected) in [
        (missing, "there is no program no-such-program"),
        (none, "there is no program to run"),
        (dies, "its main process ended (exit status 4): no licence"),
        (slow, "web did not answer in time"),
        (late, "the order came too late"),
        (bootstrap, "its main process ended (exit status 5): no disk"),
    ] {
        let why = reason(agent.start(&order).await);
        assert_eq!(why, expected);
        assert_eq!(reason(agent.start(&order).await), expected);
        let ended = agent.stop(order.container, false).await;
        assert_eq!((ended.end, ended.usage), (ContainerEnd::Unknown, None));
        assert!(
            agent
                .containers
                .processes
                .of(order.container)
                .await
                .is_empty()
        );
    }
    assert!(agent.ended.try_recv().is_err());
}

#[tokio::test]
async fn a_batch_session_runs_its_command_to_the_end() {
    let house = House::new();
    let mut agent = house.agent().await;
    let mut batch = order(&SERVER, Some("http"));
    batch.bootstrap_script = Some("echo first".to_owned());
    batch.startup_command = Some("echo $BACKENDAI_SESSION_NAME; exit 7".to_owned());
    batch.environ.insert("LANG".to_owned(), "C".to_owned());
    agent.ports(&batch).await;
    let ended = agent.ends_by_itself().await;
    assert_eq!(ended.end, ContainerEnd::Exited { code: 7 });
    assert_eq!(ended.logs, "first\nmine\n");
}

#[tokio::test]
async fn started_anew_a_container_keeps_its_ports_its_files_and_its_accounts() {
    let house = House::new();
    let agent = house.agent().await;
    let script = r#"echo $$ >> pids; python3 -c 'sum(range(3000000))'; exec python3 -m http.server "$MUSTER_PORT_HTTP""#;
    let order = order(&["sh", "-c", script], Some("http"));
    let ports = agent.ports(&order).await;
    let used = agent.containers.usage().await[0].usage;
    assert!(used.cpu_used > 0);
    assert_eq!(self::ports(agent.restart(&order).await), ports);
    assert!(answers(ports[0].host_port).await);
    let pids = fs::read_to_string(house.scratch(&order, "pids")).unwrap();
    assert_eq!(pids.lines().count(), 2);
    let now = agent.containers.usage().await[0].usage;
    assert!(now.cpu_used > used.cpu_used && now.io_cur_scratch_size > 0);
    // Its first end was no end of the container.
    agent.kill();
    let mut agent = house.agent().await;
    assert!(agent.ended.try_recv().is_err());
    assert_eq!(self::ports(agent.restart(&order).await), ports);
    let ended = agent.stop(order.container, false).await;
    assert_eq!(ended.end, ContainerEnd::Stopped);
    assert!(ended.usage.unwrap().cpu_used > now.cpu_used);
}

#[tokio::test]
async fn processes_that_do_not_want_to_end_are_killed() {
    let house = House::new();
    let agent = house.agent().await;
    let script =
        "trap '' TERM; setsid sh -c 'while :; do sleep 1; done' & while :; do sleep 1; done";
    let (gentle, forced) = (sh(script), sh(script));
    agent.ports(&gentle).await;
    agent.ports(&forced).await;
    let began = Instant::now();
    assert_eq!(
        agent.stop(forced.container, true).await.end,
        ContainerEnd::Stopped
    );
    assert!(began.elapsed() < super::ending::END_GRACE);
    // Forced while it is ended in order.
    let (containers, container) = (agent.containers.clone(), gentle.container);
    let ending = tokio::spawn(async move {
        let order = StopContainer {
            order: RandomIds.next(),
            container,
            session: None,
            forced: false,
        };
        containers.stop(&order).await.0
    });
    tokio::task::yield_now().await;
    agent.stop(gentle.container, true).await;
    assert_eq!(ending.await.unwrap().end, ContainerEnd::Stopped);
    for order in [gentle, forced] {
        assert!(
            agent
                .containers
                .processes
                .of(order.container)
                .await
                .is_empty()
        );
    }
}

#[tokio::test]
async fn python_code_keeps_its_state_and_tells_what_it_does() {
    let house = House::new();
    let agent = house.agent().await;
    let mut order = sh("sleep 600");
    order.image.interpreter = Some(["python3", "{interpreter.py}"].map(str::to_owned).to_vec());
    agent.ports(&order).await;
    let container = order.container;
    let run = agent.query(container, "x = 41\nprint('h\u{e9}llo')").await;
    assert_eq!(
        (run.exit_code, text(&run, "stdout").as_str()),
        (Some(0), "h\u{e9}llo\n")
    );
    let code = "import os, sys\nprint(x + 1, flush=True)\nos.system('echo from a shell')\nsys.stderr.write('bad')";
    let run = agent.query(container, code).await;
    assert_eq!(text(&run, "stdout"), "42\nfrom a shell\n");
    assert_eq!(text(&run, "stderr"), "bad");
    let run = agent
        .query(container, "def f():\n  return 1 / 0\nf()")
        .await;
    assert_eq!(run.exit_code, Some(1));
    let trace = text(&run, "stderr");
    assert!(
        trace.contains("return 1 / 0") && trace.contains("ZeroDivisionError"),
        "{trace}"
    );
    assert!(!trace.contains("interpreter.py"), "{trace}");
    assert_eq!(
        agent
            .query(container, "raise SystemExit(3)")
            .await
            .exit_code,
        Some(3)
    );
    let run = agent
        .query(container, "name = input('who? ')\nprint(name, x)")
        .await;
    assert_eq!(
        (run.status, text(&run, "stdout").as_str()),
        (CodeRunStatus::WaitingInput, "who? ")
    );
    let other = CodeMode::Query {
        code: "1".to_owned(),
    };
    assert_eq!(
        agent.run(container, "other", other).await,
        Err(CodeRefusal::WrongRun)
    );
    let text_given = CodeMode::Input {
        text: "me".to_owned(),
    };
    let run = agent.run(container, "run", text_given).await.unwrap();
    assert_eq!(
        (run.status, text(&run, "stdout").as_str()),
        (CodeRunStatus::Finished, "me 41\n")
    );
    // It outlives the agent.
    agent.kill();
    let agent = house.agent().await;
    let run = agent.query(container, "print(x)").await;
    assert_eq!(text(&run, "stdout"), "41\n");
    // And is born again.
    let run = agent.query(container, "import os; os._exit(1)").await;
    assert_eq!(
        (run.status, run.exit_code),
        (CodeRunStatus::Finished, Some(130))
    );
    let run = agent.query(container, "print('x' in globals())").await;
    assert_eq!(text(&run, "stdout"), "False\n");
    agent.stop(container, true).await;
    assert!(agent.containers.processes.of(container).await.is_empty());
}

#[tokio::test]
async fn much_output_comes_in_pieces_and_endless_code_is_interrupted() {
    let house = House::new();
    let agent = house.agent().await;
    let mut order = sh("sleep 600");
    order.image.interpreter = Some(["python3", "{interpreter.py}"].map(str::to_owned).to_vec());
    agent.ports(&order).await;
    let container = order.container;
    let run = agent.query(container, "print('\u{20ac}' * 700_000)").await;
    let written = text(&run, "stdout");
    assert_eq!(
        written
            .chars()
            .filter(|letter| *letter == '\u{20ac}')
            .count(),
        700_000
    );
    let ask = async |mode: CodeMode| {
        let run = "endless".to_owned();
        let asked = ExecuteCode {
            container,
            run,
            mode,
        };
        agent.containers.execute(&asked).await.unwrap()
    };
    let code = "import time\nprint('on', flush=True)\nwhile True: time.sleep(0.01)".to_owned();
    let run = ask(CodeMode::Query { code }).await;
    assert_eq!(
        (run.status, text(&run, "stdout").as_str()),
        (CodeRunStatus::Continued, "on\n")
    );
    assert_eq!(
        ask(CodeMode::Interrupt).await.status,
        CodeRunStatus::Continued
    );
    let run = agent
        .run(container, "endless", CodeMode::Continue)
        .await
        .unwrap();
    assert_eq!(
        (run.status, run.exit_code),
        (CodeRunStatus::Finished, Some(130))
    );
    assert!(text(&run, "stderr").contains("KeyboardInterrupt"));
    // At rest there is nothing to interrupt.
    assert_eq!(
        ask(CodeMode::Interrupt).await.status,
        CodeRunStatus::Finished
    );
    assert_eq!(agent.query(container, "1").await.exit_code, Some(0));
}

#[tokio::test]
async fn code_may_be_a_program_of_its_own_for_each_run() {
    let house = House::new();
    let agent = house.agent().await;
    let mut order = sh("sleep 600");
    order.image.interpreter = Some(["sh", "-c", "{code}"].map(str::to_owned).to_vec());
    agent.ports(&order).await;
    let container = order.container;
    let run = agent
        .query(container, "echo one; echo two >&2; touch file; exit 3")
        .await;
    assert_eq!(
        (run.status, run.exit_code),
        (CodeRunStatus::Finished, Some(3))
    );
    assert_eq!(
        (text(&run, "stdout").as_str(), text(&run, "stderr").as_str()),
        ("one\n", "two\n")
    );
    assert!(house.scratch(&order, "file").exists());
    let ask = async |mode: CodeMode| {
        let run = "run".to_owned();
        let asked = ExecuteCode {
            container,
            run,
            mode,
        };
        agent.containers.execute(&asked).await.unwrap()
    };
    let code = "read line; echo got $line; sleep 600".to_owned();
    assert_eq!(
        ask(CodeMode::Query { code }).await.status,
        CodeRunStatus::Continued
    );
    let run = ask(CodeMode::Input {
        text: "it".to_owned(),
    })
    .await;
    assert_eq!(text(&run, "stdout"), "got it\n");
    ask(CodeMode::Interrupt).await;
    let run = agent
        .run(container, "run", CodeMode::Continue)
        .await
        .unwrap();
    assert_eq!(
        (run.status, run.exit_code),
        (CodeRunStatus::Finished, Some(130))
    );
    // What a run leaves behind ends with the container.
    let before = agent.containers.processes.of(container).await.len();
    agent
        .query(container, "setsid sleep 600 >/dev/null 2>&1 &")
        .await;
    let left = agent.containers.processes.of(container).await.len();
    assert_eq!(left, before + 1);
    agent.stop(container, true).await;
    assert!(agent.containers.processes.of(container).await.is_empty());
    let asked = ExecuteCode {
        container,
        run: "run".to_owned(),
        mode: CodeMode::Continue,
    };
    assert_eq!(
        agent.containers.execute(&asked).await,
        Err(CodeRefusal::UnknownContainer)
    );
}

#[tokio::test]
async fn an_image_without_an_interpreter_runs_no_code() {
    let (house, order) = (House::new(), sh("sleep 600"));
    let agent = house.agent().await;
    agent.ports(&order).await;
    let query = CodeMode::Query {
        code: String::new(),
    };
    let refused = agent.run(order.container, "run", query).await;
    assert_eq!(refused, Err(CodeRefusal::NoInterpreter));
}

#[tokio::test]
async fn the_processes_of_a_container_have_no_more_memory_together_than_it_may() {
    let house = House::new();
    let mut agent = house.agent().await;
    let limits = agent.containers.cgroups.as_ref();
    if !limits.is_some_and(Cgroups::limit_memory) {
        skip("limits by control groups", "this user may make none");
        return;
    }
    let half = "x = bytearray(40 << 20); import time; time.sleep(600)";
    let script = format!("python3 -c '{half}' & python3 -c '{half}' & wait -n; exit 9");
    let mut order = order(&["bash", "-c", &script], None);
    order.slots = ResourceSlots::from_iter([
        ("cpu".to_owned(), "0.5".parse().unwrap()),
        ("mem".to_owned(), Amount::from(64 << 20)),
    ]);
    agent.ports(&order).await;
    let groups = house
        .directory
        .join(format!("state/{}/groups", order.container));
    let groups = fs::read_to_string(groups).unwrap();
    let ended = agent.ends_by_itself().await;
    assert_eq!(ended.end, ContainerEnd::Exited { code: 9 });
    // And what was made for it is gone.
    for group in groups.lines() {
        assert!(!std::path::Path::new(group).exists(), "{group}");
    }
}

#[tokio::test]
async fn names_and_folders_are_found_in_the_containers_of_a_session() {
    let house = House::new();
    let agent = house.agent().await;
    fs::create_dir_all(house.directory.join("folders/demo/data")).unwrap();
    fs::write(house.directory.join("folders/demo/data/kept"), "1").unwrap();
    let mut order = sh("sleep 600");
    order.image.interpreter = Some(["sh", "-c", "{code}"].map(str::to_owned).to_vec());
    order.folders = vec![FolderMount {
        name: "data".to_owned(),
        path: "in/data".to_owned(),
    }];
    order.place.hostnames = ["main1", "sub1"].map(str::to_owned).to_vec();
    order.place.addresses = ["127.0.0.1", "10.9.8.7"].map(str::to_owned).to_vec();
    agent.ports(&order).await;
    let run = agent
        .query(order.container, "cat in/data/kept; echo 2 > in/data/new")
        .await;
    assert_eq!(
        (run.exit_code, text(&run, "stdout").as_str()),
        (Some(0), "1")
    );
    if agent.containers.has_namespaces {
        let run = agent.query(order.container, "getent hosts sub1").await;
        assert!(text(&run, "stdout").starts_with("10.9.8.7"), "{run:?}");
        let hosts = fs::read_to_string("/etc/hosts").unwrap();
        assert!(
            !hosts.contains("sub1"),
            "the machine's own are as they were"
        );
    } else {
        skip(
            "names of a session",
            "this user may make no mount namespaces",
        );
    }
    agent.stop(order.container, true).await;
    let kept = fs::read_to_string(house.directory.join("folders/demo/data/new"));
    assert_eq!(kept.unwrap(), "2\n");
    let missing = FolderMount {
        name: "none".to_owned(),
        path: "none".to_owned(),
    };
    let mut order = sh("sleep 600");
    order.folders = vec![missing];
    let why = reason(agent.start(&order).await);
    assert_eq!(why, "project demo has no folder none here");
}
