//! Compute sessions as the service runs them: commands, answers of node allocation and reports of agents through a real broker.

#![cfg(test)]

use std::{collections::BTreeMap, time::Duration};

use async_nats::HeaderMap;
use futures_util::{Stream, StreamExt};
use muster_contract::{
    Command, Event, Message, Outcome, Principal, Role, Service,
    agent::{
        ContainerEnd, ContainerEnded, ContainerImage, ContainerStart, ContainerStarted,
        ContainerUsage, ContainersUsage, StartContainer, StopContainer, Usage,
    },
    headers,
    node_allocation::{AllocateSlots, ReleaseSlots, SlotLease, SlotsGranted},
    session::{
        ComputeSession, ComputeSessionChanged, ComputeSessionReference, ComputeSessionStatus,
        ComputeSessionType, CreateComputeSession, DestroyComputeSession, FindComputeSession,
        FoundComputeSession, ScheduleRule,
    },
    subject,
};
use muster_messaging::{Orders, OutcomeOf};
use muster_platform::{Ids as _, RandomIds, Shutdown, Timestamp, settings::SessionSettings};
use muster_session::{MIGRATIONS, SiteSessionHooks, start};
use muster_testkit::{DEADLINE, ServiceWorld, eventually};
use serde::de::DeserializeOwned;
use uuid::Uuid;

const NOW: Timestamp = Timestamp::from_seconds(1_763_800_000);

const AGENT: &str = "a1";

struct System(ServiceWorld);

impl System {
    async fn start() -> (Self, Orders) {
        let service = async |foundation, tasks: &Shutdown| {
            let hooks = SiteSessionHooks::default();
            start(foundation, hooks, &SessionSettings::default(), tasks).await
        };
        let world = ServiceWorld::start(Service::Session, &MIGRATIONS, &[AGENT], NOW, service);
        let world = world.await.unwrap();
        let orders = world.orders(AGENT).await.unwrap();
        (Self(world), orders)
    }

    /// What is sent there from now on.
    async fn listen<M: DeserializeOwned>(&self, subject: String) -> impl Stream<Item = M> + Unpin {
        let client = self.0.client.client();
        let messages = client.subscribe(subject).await.unwrap();
        client.flush().await.unwrap();
        messages.map(|message| serde_json::from_slice(&message.payload).unwrap())
    }

    /// Tells a fact of another service.
    async fn tell<E: Event>(&self, event: &E) {
        let mut map = HeaderMap::new();
        map.insert(headers::MESSAGE_ID, RandomIds.next().to_string());
        map.insert(headers::SCHEMA, E::schema());
        let body = serde_json::to_vec(event).unwrap().into();
        let jetstream = self.0.client.jetstream();
        let sent = jetstream.publish_with_headers(event.subject(), map, body);
        sent.await.unwrap().await.unwrap();
    }

    async fn send<C: Command>(&self, command: &C) -> OutcomeOf<C> {
        self.0.send(&alice(), command).await.unwrap()
    }

    async fn find(&self, id: Uuid) -> FoundComputeSession {
        let session = reference(&id.to_string());
        match self.0.ask(&alice(), &FindComputeSession { session }).await {
            Ok(Outcome::Done(found)) => found,
            other => panic!("{other:?}"),
        }
    }
}

async fn next<T>(stream: &mut (impl Stream<Item = T> + Unpin)) -> T {
    let next = tokio::time::timeout(DEADLINE, stream.next()).await;
    next.unwrap().unwrap()
}

fn alice() -> Principal {
    Principal {
        name: "alice".to_owned(),
        domain: "default".to_owned(),
        project: "demo".to_owned(),
        roles: vec![Role::User],
    }
}

fn reference(name: &str) -> ComputeSessionReference {
    ComputeSessionReference {
        owner: "AKIATEST".to_owned(),
        name: name.to_owned(),
        or_over: true,
    }
}

fn creating() -> CreateComputeSession {
    CreateComputeSession {
        name: "x-1".to_owned(),
        owner: "AKIATEST".to_owned(),
        user: "alice".to_owned(),
        tenant: "demo".to_owned(),
        domain: "default".to_owned(),
        kind: ComputeSessionType::Interactive,
        image: ContainerImage {
            name: "python:3.11".to_owned(),
            command: vec!["python3".to_owned()],
            docker: None,
            interpreter: None,
            services: vec![],
            environ: BTreeMap::new(),
        },
        tag: None,
        startup_command: None,
        bootstrap_script: None,
        starts_at: None,
        environ: BTreeMap::new(),
        mounts: vec![],
        mount_paths: BTreeMap::default(),
        resource_options: BTreeMap::new(),
        scaling_group: None,
        slots: [("cpu".to_owned(), 1.into())].into_iter().collect(),
        cluster_size: 1,
        on_one_agent: false,
        preopen_ports: vec![],
        dependencies: vec![],
        idle_timeout: None,
        reuse: true,
        answer: ScheduleRule::StartedBy(NOW.plus(Duration::from_mins(10)).as_micros()),
    }
}

/// Finds slots for the next session that asks.
async fn grant(system: &System, asked: &mut (impl Stream<Item = AllocateSlots> + Unpin)) {
    let asked = next(asked).await;
    let granted = SlotsGranted {
        request: asked.request,
        session: asked.session,
        tenant: asked.tenant,
        scaling_group: "default".to_owned(),
        leases: vec![SlotLease {
            agent: AGENT.to_owned(),
            address: None,
        }],
    };
    system.tell(&granted).await;
}

/// Starts the next container.
async fn start_container(system: &System, orders: &mut Orders) -> StartContainer {
    let at_hand = tokio::time::timeout(DEADLINE, orders.next()).await;
    let at_hand = at_hand.unwrap().unwrap();
    assert_eq!(at_hand.schema(), StartContainer::schema());
    let order: StartContainer = at_hand.decode().unwrap();
    let report = ContainerStarted {
        order: order.order,
        container: order.container,
        result: ContainerStart::Running {
            host: "127.0.0.1".to_owned(),
            service_ports: vec![],
        },
    };
    let stop = system.0.tasks.token();
    at_hand.report(&report, &stop).await.unwrap();
    order
}

/// Ends the next container.
async fn stop_container(system: &System, orders: &mut Orders) {
    let at_hand = tokio::time::timeout(DEADLINE, orders.next()).await;
    let at_hand = at_hand.unwrap().unwrap();
    assert_eq!(at_hand.schema(), StopContainer::schema());
    let order: StopContainer = at_hand.decode().unwrap();
    let report = ContainerEnded {
        order: Some(order.order),
        container: order.container,
        end: ContainerEnd::Stopped,
        usage: None,
        logs: "bye\n".to_owned(),
    };
    let stop = system.0.tasks.token();
    at_hand.report(&report, &stop).await.unwrap();
}

#[tokio::test]
async fn a_session_is_created_used_and_destroyed() {
    let (system, mut orders) = System::start().await;
    let mut asked = system.listen(AllocateSlots::subject()).await;
    let mut released = system.listen::<ReleaseSlots>(ReleaseSlots::subject()).await;
    let changes = subject::event("session", 1, "demo", ComputeSessionChanged::NAME);
    let mut changes = system.listen::<ComputeSessionChanged>(changes).await;

    let command = creating();
    let (created, (), order) = tokio::join!(
        system.send(&command),
        grant(&system, &mut asked),
        start_container(&system, &mut orders),
    );
    let Outcome::Done(created) = created else {
        panic!("{created:?}")
    };
    let session: ComputeSession = created.session;
    assert!(created.created && session.status == ComputeSessionStatus::Running);
    assert_eq!(
        (order.session, order.container),
        (session.id, session.containers[0].id)
    );

    let usage = Usage {
        cpu_used: 7,
        ..Usage::default()
    };
    let stat = ContainersUsage {
        containers: vec![ContainerUsage {
            container: order.container,
            usage,
        }],
    };
    // What is said before anybody listens is missed, and said again.
    eventually(DEADLINE, "the usage to be known", async || {
        let mut map = HeaderMap::new();
        map.insert(headers::SCHEMA, ContainersUsage::schema());
        let body = serde_json::to_vec(&stat).unwrap().into();
        let client = system.0.client.client();
        let subject = subject::signal(AGENT, ContainersUsage::NAME);
        let sent = client.publish_with_headers(subject, map, body).await;
        sent.unwrap();
        let session = system.find(session.id).await.session;
        session.containers[0].usage.filter(|known| *known == usage)
    })
    .await
    .unwrap();

    let command = DestroyComputeSession {
        session: reference("x-1"),
        forced: false,
        recursive: false,
    };
    let (first, second, ()) = tokio::join!(
        system.send(&command),
        system.send(&command),
        stop_container(&system, &mut orders),
    );
    for outcome in [first, second] {
        let Outcome::Done(destroyed) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(destroyed.session.status, ComputeSessionStatus::Terminated);
        assert_eq!(destroyed.session.containers[0].usage, Some(usage));
    }
    assert_eq!(next(&mut released).await.session, session.id);
    assert_eq!(system.find(session.id).await.logs.as_deref(), Some("bye\n"));
    // What is published can come twice, and who listens drops the second.
    let mut told = vec![next(&mut changes).await.session.status];
    while told.last() != Some(&ComputeSessionStatus::Terminated) {
        told.push(next(&mut changes).await.session.status);
        told.dedup();
    }
    assert_eq!(
        told,
        [
            ComputeSessionStatus::Pending,
            ComputeSessionStatus::Preparing,
            ComputeSessionStatus::Running,
            ComputeSessionStatus::Terminating,
            ComputeSessionStatus::Terminated,
        ]
    );
}

#[tokio::test]
async fn who_waits_long_enough_is_answered_and_a_silent_agent_is_not_waited_for() {
    let (system, _orders) = System::start().await;
    let mut asked = system.listen(AllocateSlots::subject()).await;
    let command = creating();
    let until = async {
        let asked: AllocateSlots = next(&mut asked).await;
        system.0.clock.advance(Duration::from_mins(11));
        asked
    };
    let (created, first) = tokio::join!(system.send(&command), until);
    let Outcome::Done(created) = created else {
        panic!("{created:?}")
    };
    assert!(created.timed_out && created.session.status == ComputeSessionStatus::Pending);
    // Nothing was heard of it: node allocation is asked again.
    let again = next(&mut asked).await;
    assert_eq!(again.request, first.request);
    let granted = SlotsGranted {
        request: first.request,
        session: first.session,
        tenant: first.tenant,
        scaling_group: "default".to_owned(),
        leases: vec![SlotLease {
            agent: AGENT.to_owned(),
            address: None,
        }],
    };
    system.tell(&granted).await;
    let comes_to = async |status| {
        eventually(DEADLINE, "the session to get on", async || {
            let session = system.find(granted.session).await.session;
            (session.status == status).then_some(session)
        })
        .await
        .unwrap()
    };
    comes_to(ComputeSessionStatus::Preparing).await;
    system.0.clock.advance(Duration::from_mins(5));
    comes_to(ComputeSessionStatus::Terminating).await;
    // Told again and again, each time for as long.
    let over = eventually(DEADLINE, "the session to be over", async || {
        system.0.clock.advance(Duration::from_mins(1));
        let session = system.find(granted.session).await.session;
        session.status.is_over().then_some(session)
    });
    let over = over.await.unwrap();
    assert_eq!(over.status, ComputeSessionStatus::Cancelled);
    assert_eq!(over.status_info.as_deref(), Some("stop-timeout"));
}
