//! Agents with containers of their own, for tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_contract::ResourceSlots;
use muster_contract::agent::{
    ClusterPlace, CodeMode, CodeRefusal, CodeRun, CodeRunStatus, ContainerEnded, ContainerImage,
    ContainerStart, ExecuteCode, ImageService, RestartContainer, ServicePort, ServiceProtocol,
    StartContainer, StopContainer,
};
use muster_platform::settings::ContainerBackend;
use muster_platform::{Clock as _, Ids as _, RandomIds, SystemClock};
use muster_testkit::{DEADLINE, TemporaryDirectory};
use rustix::process::Signal;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::notes::Phase;
use super::process::{ProcessId, numbers, variable};
use super::runner::{Containers, EndedByItself, Setting};
use super::{DockerSetting, find_docker};

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

pub(crate) const SERVER: [&str; 5] = [
    "python3",
    "-m",
    "http.server",
    "--bind=127.0.0.1",
    "{port:http}",
];

pub(crate) fn sh(script: &str) -> StartContainer {
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

    pub(crate) async fn agent(&self) -> Agent {
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

pub(crate) async fn answers(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).await.is_ok()
}
