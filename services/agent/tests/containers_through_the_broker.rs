//! Containers as the control plane sees them: orders out of a real broker, reports, signals and answers into it.

#![cfg(test)]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_nats::{HeaderMap, Subscriber};
use futures_util::StreamExt as _;
use muster_agent::{AgentOptions, StartError, machine_slots, start};
use muster_contract::{
    AgentQuestion, Order, Outcome, Part, ResourceSlots, Signal as _,
    agent::{
        AgentBeat, ClusterPlace, CodeMode, ContainerEnd, ContainerEnded, ContainerHost,
        ContainerImage, ContainerStart, ContainerStarted, ContainersUsage, ExecuteCode,
        ReadContainerLogs, RestartContainer, StartContainer, StopContainer,
    },
    headers, subject,
    topology::Limits,
};
use muster_messaging::{
    AgentBroker, AgentBrokerOptions, Broker, BrokerOptions, Environment, topology,
};
use muster_platform::{
    Clock as _, Drained, Ids as _, RandomIds, Shutdown, SystemClock, settings::ContainerBackend,
};
use muster_testkit::{DEADLINE, NatsServer, TemporaryDirectory};
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use uuid::Uuid;

const AGENT: &str = "n1.dusty";

/// A broker, and a machine with an agent's directory.
struct House {
    broker: Broker,
    reports: Subscriber,
    directory: TemporaryDirectory,
    nats: NatsServer,
}

impl House {
    async fn new() -> Self {
        let nats = NatsServer::start().await.unwrap();
        let broker = Broker::connect(BrokerOptions {
            url: nats.url(),
            part: Part::Operator,
            key_seed: None,
            instance: "test".to_owned(),
            connect_deadline: DEADLINE,
        })
        .await
        .unwrap();
        topology::apply(&broker, &Limits::default(), &[AGENT.to_owned()])
            .await
            .unwrap();
        Self {
            reports: broker
                .client()
                .subscribe(subject::report(AGENT, ">"))
                .await
                .unwrap(),
            broker,
            directory: TemporaryDirectory::new("agent").unwrap(),
            nats,
        }
    }

    async fn agent(&self, containers: bool) -> Result<Shutdown, StartError> {
        let agent = AgentBroker::connect(AgentBrokerOptions {
            url: self.nats.url(),
            agent: AGENT.to_owned(),
            key_seed: None,
            connect_deadline: DEADLINE,
        });
        let options = AgentOptions {
            instance: "one".to_owned(),
            // One at a time: containers do not wait for each other all the same.
            concurrency: 1,
            name: "a1".to_owned(),
            backend: ContainerBackend::Process,
            docker_host: None,
            folders_directory: None,
            hooks_directory: (!containers).then(|| self.directory.path().to_owned()),
            containers: containers.then(host),
            state_directory: self.directory.join("state"),
            stop_grace: Duration::ZERO,
        };
        let environment = Environment {
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
        };
        let tasks = Shutdown::new();
        start(agent.await.unwrap(), options, &environment, &tasks).await?;
        Ok(tasks)
    }

    async fn order<O: Order>(&self, order: &O) {
        let mut map = HeaderMap::new();
        map.insert(headers::MESSAGE_ID, RandomIds.next().to_string());
        map.insert(headers::SCHEMA, O::schema());
        let body = serde_json::to_vec(order).unwrap().into();
        let jetstream = self.broker.jetstream();
        let sent = jetstream.publish_with_headers(O::subject(AGENT), map, body);
        sent.await.unwrap().await.unwrap();
    }

    async fn start(&self, container: Uuid, command: &str) {
        self.order(&start_order(container, command)).await;
    }

    async fn stop(&self, container: Uuid) {
        let order = RandomIds.next();
        self.order(&StopContainer {
            order,
            container,
            session: None,
            forced: true,
        })
        .await;
    }

    async fn report<R: DeserializeOwned>(&mut self) -> R {
        let report = timeout(DEADLINE, self.reports.next());
        serde_json::from_slice(&report.await.unwrap().unwrap().payload).unwrap()
    }

    async fn starts(&mut self) -> Uuid {
        let started: ContainerStarted = self.report().await;
        assert!(
            matches!(started.result, ContainerStart::Running { .. }),
            "{started:?}"
        );
        started.container
    }

    async fn ask<Q: AgentQuestion>(&self, question: &Q) -> Outcome<Q::Answer, Q::Refusal> {
        let body = serde_json::to_vec(question).unwrap().into();
        let answer = self.broker.client().request(Q::subject(AGENT), body);
        let answer = timeout(DEADLINE, answer).await.unwrap().unwrap();
        serde_json::from_slice(&answer.payload).unwrap()
    }
}

fn host() -> ContainerHost {
    ContainerHost {
        scaling_group: "fast".to_owned(),
        slots: machine_slots(),
        address: "127.0.0.1".to_owned(),
    }
}

fn start_order(container: Uuid, script: &str) -> StartContainer {
    StartContainer {
        order: RandomIds.next(),
        container,
        session: RandomIds.next(),
        session_name: "mine".to_owned(),
        deadline: SystemClock.now().plus(DEADLINE).as_micros(),
        image: ContainerImage {
            name: "test:1".to_owned(),
            command: ["sh", "-c", script].map(str::to_owned).to_vec(),
            docker: None,
            interpreter: Some(["sh", "-c", "{code}"].map(str::to_owned).to_vec()),
            services: Vec::new(),
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

async fn stopped(tasks: Shutdown) {
    assert_eq!(tasks.drain(DEADLINE).await, Drained::Clean);
}

#[tokio::test]
async fn a_container_is_started_asked_started_anew_and_ended() {
    let mut house = House::new().await;
    let tasks = house.agent(true).await.unwrap();
    let container = RandomIds.next();
    house.start(container, "echo it runs; sleep 600").await;
    assert_eq!(house.starts().await, container);
    let logs = async || match house.ask(&ReadContainerLogs { container }).await {
        Outcome::Done(answer) => (answer.logs == "it runs\n").then_some(()),
        Outcome::Refused(refusal) => panic!("{refusal:?}"),
    };
    muster_testkit::eventually(DEADLINE, "it writes", logs)
        .await
        .unwrap();
    let execute = ExecuteCode {
        container,
        run: "run".to_owned(),
        mode: CodeMode::Query {
            code: "echo hello".to_owned(),
        },
    };
    match house.ask(&execute).await {
        Outcome::Done(run) => assert_eq!(run.console[0].text, "hello\n"),
        Outcome::Refused(refusal) => panic!("{refusal:?}"),
    }
    house
        .order(&RestartContainer {
            order: RandomIds.next(),
            container,
            deadline: SystemClock.now().plus(DEADLINE).as_micros(),
        })
        .await;
    assert_eq!(house.starts().await, container);
    house.stop(container).await;
    let ended: ContainerEnded = house.report().await;
    assert_eq!(
        (ended.end, ended.container),
        (ContainerEnd::Stopped, container)
    );
    assert!(ended.usage.is_some() && ended.logs.starts_with("it runs\n"));
    let unknown = house.ask(&ReadContainerLogs { container }).await;
    assert!(matches!(unknown, Outcome::Refused(_)));
    stopped(tasks).await;
}

#[tokio::test]
async fn one_that_ends_by_itself_is_reported_once_also_by_the_next_agent() {
    let mut house = House::new().await;
    let tasks = house.agent(true).await.unwrap();
    let (first, second) = (RandomIds.next(), RandomIds.next());
    house.start(first, "exit 3").await;
    assert_eq!(house.starts().await, first);
    let ended: ContainerEnded = house.report().await;
    assert_eq!((ended.container, ended.order), (first, None));
    assert_eq!(ended.end, ContainerEnd::Exited { code: 3 });
    house
        .start(second, "while [ ! -e go ]; do sleep 0.01; done")
        .await;
    assert_eq!(house.starts().await, second);
    stopped(tasks).await;
    let go = format!("state/containers/{second}/scratch/go");
    std::fs::write(house.directory.join(go), "").unwrap();
    let tasks = house.agent(true).await.unwrap();
    let ended: ContainerEnded = house.report().await;
    assert_eq!((ended.container, ended.order), (second, None));
    assert_eq!(ended.end, ContainerEnd::Exited { code: 0 });
    stopped(tasks).await;
    // Nothing is said twice: what comes next is the answer to the next order.
    let tasks = house.agent(true).await.unwrap();
    let third = RandomIds.next();
    house.stop(third).await;
    let ended: ContainerEnded = house.report().await;
    assert_eq!((ended.container, ended.end), (third, ContainerEnd::Unknown));
    stopped(tasks).await;
}

#[tokio::test]
async fn a_container_that_starts_slowly_holds_up_no_other() {
    let mut house = House::new().await;
    let tasks = house.agent(true).await.unwrap();
    let (slow, quick) = (RandomIds.next(), RandomIds.next());
    let mut order = start_order(slow, "sleep 600");
    order.bootstrap_script = Some("sleep 600".to_owned());
    house.order(&order).await;
    house.start(quick, "sleep 600").await;
    assert_eq!(house.starts().await, quick);
    house.stop(quick).await;
    let ended: ContainerEnded = house.report().await;
    assert_eq!(ended.container, quick);
    house.stop(slow).await;
    let started: ContainerStarted = house.report().await;
    assert!(matches!(started.result, ContainerStart::Failed { .. }));
    let ended: ContainerEnded = house.report().await;
    assert_eq!(ended.container, slow);
    stopped(tasks).await;
}

#[tokio::test]
async fn it_says_what_it_has_and_what_its_containers_use() {
    let mut house = House::new().await;
    let client = house.broker.client().clone();
    let mut beats = client.subscribe(AgentBeat::subject(AGENT)).await.unwrap();
    let mut used = client
        .subscribe(ContainersUsage::subject(AGENT))
        .await
        .unwrap();
    client.flush().await.unwrap();
    let tasks = house.agent(true).await.unwrap();
    let beat = timeout(DEADLINE, beats.next()).await.unwrap().unwrap();
    let beat: AgentBeat = serde_json::from_slice(&beat.payload).unwrap();
    assert_eq!(beat.containers, Some(host()));
    let container = RandomIds.next();
    house.start(container, "sleep 600").await;
    house.starts().await;
    let usage = timeout(DEADLINE, used.next()).await.unwrap().unwrap();
    let usage: ContainersUsage = serde_json::from_slice(&usage.payload).unwrap();
    assert_eq!(usage.containers[0].container, container);
    house.stop(container).await;
    let _: ContainerEnded = house.report().await;
    stopped(tasks).await;
}

#[tokio::test]
async fn an_agent_without_containers_says_so() {
    let mut house = House::new().await;
    let tasks = house.agent(false).await.unwrap();
    let container = RandomIds.next();
    house.start(container, "sleep 600").await;
    let started: ContainerStarted = house.report().await;
    assert!(matches!(started.result, ContainerStart::Failed { .. }));
    house.stop(container).await;
    let ended: ContainerEnded = house.report().await;
    assert_eq!(ended.end, ContainerEnd::Unknown);
    stopped(tasks).await;
}

#[tokio::test]
async fn with_nothing_to_do_it_does_not_start() {
    let house = House::new().await;
    let agent = AgentBroker::connect(AgentBrokerOptions {
        url: house.nats.url(),
        agent: AGENT.to_owned(),
        key_seed: None,
        connect_deadline: DEADLINE,
    });
    let options = AgentOptions {
        instance: "one".to_owned(),
        concurrency: 1,
        name: "a1".to_owned(),
        backend: ContainerBackend::Process,
        docker_host: None,
        folders_directory: None,
        hooks_directory: None,
        containers: None,
        state_directory: house.directory.join("state"),
        stop_grace: Duration::ZERO,
    };
    let environment = Environment {
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds),
    };
    let agent = agent.await.unwrap();
    let started = start(agent, options, &environment, &Shutdown::new()).await;
    assert!(matches!(started, Err(StartError::Idle)));
}
