//! The agent as it runs: orders out of a real broker, real programs, reports into it.

#![cfg(test)]

use std::{fs, os::unix::fs::PermissionsExt as _, sync::Arc, time::Duration};

use async_nats::{HeaderMap, Subscriber};
use futures_util::StreamExt as _;
use muster_agent::{AgentOptions, StartError, start};
use muster_contract::{
    Message as _, Order as _, Part,
    agent::{
        AgentBeat, HookResult, HookedNode, NodeHook, NodeHookFinished, RunNodeHook, RunSessionHook,
    },
    headers, subject,
    topology::{Limits, ORDER_STREAM},
};
use muster_messaging::{
    AgentBroker, AgentBrokerOptions, Broker, BrokerOptions, Environment, topology,
};
use muster_platform::{
    Clock as _, Drained, Ids as _, RandomIds, Shutdown, SystemClock, settings::ContainerBackend,
};
use muster_testkit::{DEADLINE, NatsServer, TemporaryDirectory, eventually};
use uuid::Uuid;

const AGENT: &str = "a.b";

/// A broker, and a directory of hooks.
struct House {
    broker: Broker,
    reports: Subscriber,
    directory: TemporaryDirectory,
    nats: NatsServer,
}

impl House {
    /// With a program for every hook of a node.
    async fn new(script: &str) -> Self {
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
        let reports = subject::report(AGENT, ">");
        let directory = TemporaryDirectory::new("agent").unwrap();
        fs::create_dir(directory.join("hooks")).unwrap();
        let house = Self {
            reports: broker.client().subscribe(reports).await.unwrap(),
            broker,
            directory,
            nats,
        };
        house.write(script);
        house
    }

    fn write(&self, script: &str) {
        for hook in NodeHook::ALL {
            let path = self.directory.join("hooks").join(hook.name());
            fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    async fn agent(&self, concurrency: usize) -> Shutdown {
        let agent = AgentBroker::connect(AgentBrokerOptions {
            url: self.nats.url(),
            agent: AGENT.to_owned(),
            key_seed: None,
            connect_deadline: DEADLINE,
        });
        let options = AgentOptions {
            instance: "one".to_owned(),
            name: "a1".to_owned(),
            backend: ContainerBackend::Process,
            docker_host: None,
            folders_directory: None,
            hooks_directory: Some(self.directory.join("hooks")),
            containers: None,
            state_directory: self.directory.join("state"),
            concurrency,
            stop_grace: Duration::ZERO,
        };
        let environment = Environment {
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
        };
        let tasks = Shutdown::new();
        start(agent.await.unwrap(), options, &environment, &tasks)
            .await
            .unwrap();
        tasks
    }

    /// Publishes an order as a service's outbox does.
    async fn publish(&self, subject: String, schema: &str, body: &impl serde::Serialize) {
        let mut map = HeaderMap::new();
        map.insert(headers::MESSAGE_ID, RandomIds.next().to_string());
        map.insert(headers::SCHEMA, schema);
        let body = serde_json::to_vec(body).unwrap().into();
        let jetstream = self.broker.jetstream();
        let sent = jetstream.publish_with_headers(subject, map, body).await;
        sent.unwrap().await.unwrap();
    }

    async fn order(&self, order: &RunNodeHook) {
        let subject = RunNodeHook::subject(AGENT);
        self.publish(subject, &RunNodeHook::schema(), order).await;
    }

    async fn report(&mut self) -> NodeHookFinished {
        let report = tokio::time::timeout(DEADLINE, self.reports.next());
        serde_json::from_slice(&report.await.unwrap().unwrap().payload).unwrap()
    }

    fn said(&self) -> Vec<String> {
        let text = fs::read_to_string(self.directory.join("hooks/said")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    async fn has_said(&self, lines: usize) {
        let look = async || (self.said().len() >= lines).then_some(());
        eventually(DEADLINE, "what the hooks say", look)
            .await
            .unwrap();
    }

    /// Waits until the broker has no more orders.
    async fn all_orders_are_done_with(&self) {
        let none_left = async || {
            let stream = self.broker.jetstream().get_stream(ORDER_STREAM).await;
            let info = stream.ok()?.get_info().await.ok()?;
            (info.state.messages == 0).then_some(())
        };
        eventually(DEADLINE, "no more orders", none_left)
            .await
            .unwrap();
    }
}

fn order(hook: NodeHook, hostname: &str, time: Duration) -> RunNodeHook {
    RunNodeHook {
        order: RandomIds.next(),
        hook,
        attempt: 1,
        deadline: SystemClock.now().plus(time).as_micros(),
        node: HookedNode {
            hostname: hostname.to_owned(),
            ip_address: "172.19.2.1".to_owned(),
            pool: "metal".to_owned(),
            version: "7".to_owned(),
            architecture: "x86_64".to_owned(),
            flavor: None,
            generation: 1,
        },
        session: None,
        tenant: None,
    }
}

async fn stopped(tasks: Shutdown) {
    assert_eq!(tasks.drain(DEADLINE).await, Drained::Clean);
}

#[tokio::test]
async fn an_order_is_carried_out_and_reported_and_a_second_of_its_kind_is_not_carried_out_again() {
    let mut house =
        House::new(r#"echo "$MUSTER_HOOK $MUSTER_NODE" >> said; echo no power; exit 3"#).await;
    let tasks = house.agent(4).await;
    let order = order(NodeHook::Provision, "n1", DEADLINE);
    let expected = NodeHookFinished {
        order: order.order,
        result: HookResult::Failed {
            reason: "provision failed (exit status 3): no power".to_owned(),
        },
    };
    house.order(&order).await;
    assert_eq!(house.report().await, expected);
    // As the service publishes it once more when the broker has lost that it was taken.
    house.order(&order).await;
    assert_eq!(house.report().await, expected);
    house.all_orders_are_done_with().await;
    assert_eq!(house.said(), ["provision n1"]);
    stopped(tasks).await;
}

#[tokio::test]
async fn what_cannot_be_carried_out_is_thrown_away_and_holds_up_nothing() {
    let mut house = House::new("echo $MUSTER_NODE >> said").await;
    let late = order(NodeHook::Provision, "late", Duration::ZERO);
    house.order(&late).await;
    let unknown = subject::order(AGENT, "make-coffee");
    house
        .publish(unknown, "kitchen.make-coffee/1", &"strong")
        .await;
    let broken = RunSessionHook::subject(AGENT);
    house
        .publish(broken, &RunSessionHook::schema(), &"no order")
        .await;
    let good = order(NodeHook::Provision, "n1", DEADLINE);
    house.order(&good).await;
    let tasks = house.agent(1).await;
    assert_eq!(house.report().await.order, good.order);
    house.all_orders_are_done_with().await;
    assert_eq!(house.said(), ["n1"]);
    stopped(tasks).await;
}

#[tokio::test]
async fn hooks_of_one_node_run_one_after_the_other_and_those_of_others_beside_them() {
    let script = r#"
        echo "$MUSTER_HOOK $MUSTER_NODE" >> said
        while [ ! -e "go-$MUSTER_HOOK" ]; do sleep 0.01; done
        echo "$MUSTER_HOOK $MUSTER_NODE done" >> said"#;
    let mut house = House::new(script).await;
    let tasks = house.agent(4).await;
    house
        .order(&order(NodeHook::Contextualize, "n1", DEADLINE))
        .await;
    house.has_said(1).await;
    house
        .order(&order(NodeHook::Deprovision, "n1", DEADLINE))
        .await;
    house
        .order(&order(NodeHook::Provision, "n2", DEADLINE))
        .await;
    house.has_said(2).await;
    let go = |hook: NodeHook| {
        let name = format!("hooks/go-{}", hook.name());
        fs::write(house.directory.join(name), "").unwrap();
    };
    go(NodeHook::Deprovision);
    go(NodeHook::Provision);
    house.has_said(3).await;
    assert_eq!(
        house.said(),
        ["contextualize n1", "provision n2", "provision n2 done"]
    );
    go(NodeHook::Contextualize);
    for _ in 0..3 {
        house.report().await;
    }
    let rest = [
        "contextualize n1 done",
        "deprovision n1",
        "deprovision n1 done",
    ];
    assert_eq!(house.said()[3..], rest);
    stopped(tasks).await;
}

#[tokio::test]
async fn an_agent_that_stops_gives_its_orders_back_and_takes_no_more_than_it_has_room_for() {
    let mut house = House::new("echo $MUSTER_NODE >> said; sleep 600").await;
    let tasks = house.agent(1).await;
    for node in ["n1", "n2"] {
        house
            .order(&order(NodeHook::Provision, node, DEADLINE))
            .await;
    }
    house.has_said(1).await;
    stopped(tasks).await;
    assert_eq!(house.said(), ["n1"]);
    house.write("echo $MUSTER_NODE done >> said");
    let tasks = house.agent(1).await;
    let orders = [house.report().await.order, house.report().await.order];
    assert_ne!(orders[0], orders[1]);
    let mut said = house.said();
    said.sort();
    assert_eq!(said, ["n1", "n1 done", "n2 done"]);
    house.all_orders_are_done_with().await;
    stopped(tasks).await;
}

#[tokio::test]
async fn it_shows_that_it_is_alive() {
    let house = House::new("").await;
    let client = house.broker.client();
    let mut beats = client
        .subscribe(subject::signal(AGENT, "beat"))
        .await
        .unwrap();
    client.flush().await.unwrap();
    let tasks = house.agent(3).await;
    let beat = tokio::time::timeout(DEADLINE, beats.next()).await;
    let beat: AgentBeat = serde_json::from_slice(&beat.unwrap().unwrap().payload).unwrap();
    assert_eq!(
        (beat.instance.as_str(), beat.running, beat.concurrency),
        ("one", 0, 3)
    );
    stopped(tasks).await;
}

#[tokio::test]
async fn without_a_directory_of_hooks_it_does_not_start() {
    let house = House::new("").await;
    let agent = AgentBrokerOptions {
        url: house.nats.url(),
        agent: AGENT.to_owned(),
        key_seed: None,
        connect_deadline: DEADLINE,
    };
    let options = AgentOptions {
        instance: Uuid::nil().to_string(),
        name: "a1".to_owned(),
        backend: ContainerBackend::Process,
        docker_host: None,
        folders_directory: None,
        hooks_directory: Some(house.directory.join("nothing")),
        containers: None,
        state_directory: house.directory.join("state"),
        concurrency: 1,
        stop_grace: Duration::ZERO,
    };
    let environment = Environment {
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds),
    };
    let agent = AgentBroker::connect(agent).await.unwrap();
    let started = start(agent, options, &environment, &Shutdown::new()).await;
    assert!(matches!(started, Err(StartError::NoHooks(_))));
}
