//! What the tests of compute sessions share.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use muster_contract::{
    Outcome,
    agent::{
        ContainerEnd, ContainerEnded, ContainerImage, ContainerStart, ContainerStarted,
        ContainersUsage, ServicePort, ServiceProtocol,
    },
    node_allocation::{
        AllocateSlots, SlotLease, SlotsGranted, SlotsLost, SlotsQueued, SlotsRefused,
    },
    session::{
        ComputeSession, ComputeSessionReference, ComputeSessionStatus, ComputeSessionType,
        CreateComputeSession, DestroyComputeSession, FindComputeSession, FoundComputeSession,
        ListComputeSessions, RestartComputeSession, ScheduleRule, UseComputeSession,
    },
};
use muster_platform::{Ids as _, SequentialIds};
use muster_storage::Database;
use uuid::Uuid;

use crate::compute_sessions::{
    ComputeLimits,
    book::{Desk, Moment},
    commands::{
        Order, Reached, create_compute_session::create_compute_sessions,
        destroy_compute_session::destroy_compute_sessions,
        restart_compute_session::restart_compute_sessions,
        use_compute_session::use_compute_sessions,
    },
    domain::turn::Deed,
    periodic::{
        answer_late::answer_late, begin_dependents::begin_dependents,
        forget_sessions::forget_sessions, look_after_sessions::look_after_sessions,
    },
    queries::find_compute_session::find_compute_session,
    reactions::{
        News, Word, container_ended::containers_ended, container_started::containers_started,
        slots_granted::slots_granted, slots_lost::slots_lost, slots_queued::slots_queued,
        slots_refused::slots_refused,
    },
    saying::{Saying, Settlement},
    signals::containers_usage::containers_usage,
    store::lists::{Bookmarks, Listed, Page, list_sessions},
};
pub(crate) use crate::node_sessions::testing::{NOON, SECOND};

/// How long things may take.
pub(crate) const LIMITS: ComputeLimits = ComputeLimits {
    start: Duration::from_mins(5),
    stop: Duration::from_mins(1),
    history: Duration::from_hours(24),
};

/// The access key of most sessions.
pub(crate) const OWNER: &str = "AKIATEST";

/// Makes of one test two, one for each engine.
macro_rules! on_both_engines {
    ($($tests:tt)+) => {
        muster_testkit::on_both_engines! {
            crate::testing::DATABASES, crate::compute_sessions::testing::in_world, crate::compute_sessions::testing::World;
            $($tests)+
        }
    };
}

/// Gives a test a world on that database.
pub(crate) async fn in_world(database: &Database, test: impl AsyncFnOnce(&World)) {
    test(&World::new(database)).await;
}

pub(crate) use on_both_engines;

/// A service without a broker: what comes in is given by hand, what it says is looked at.
pub(crate) struct World {
    pub(crate) database: Database,
    pub(crate) bookmarks: Bookmarks,
    ids: SequentialIds,
    now: AtomicI64,
}

macro_rules! commands {
    ($($method:ident: $command:ident by $function:ident;)+) => {$(
        /// A batch of commands: how far each is, and what is said.
        pub(crate) async fn $method(
            &self,
            commands: &[$command],
        ) -> (Vec<(Uuid, Reached<$command>)>, Vec<Saying>) {
            let orders: Vec<Order<'_, $command>> = commands
                .iter()
                .enumerate()
                .map(|(cause, body)| Order { moment: self.moment(cause), id: self.id(), body })
                .collect();
            let mut transaction = self.database.begin().await.unwrap();
            let (reached, sayings) = $function(&mut transaction, self.desk(), &orders).await.unwrap();
            transaction.commit().await.unwrap();
            let ids = orders.iter().map(|order| order.id);
            (ids.zip(reached).collect(), sayings.into_vec())
        }
    )+};
}

macro_rules! events {
    ($($method:ident: $event:ident by $function:ident;)+) => {$(
        /// A batch of events: what is said.
        pub(crate) async fn $method(&self, events: &[$event]) -> Vec<Saying> {
            let news: Vec<News<'_, $event>> = events
                .iter()
                .enumerate()
                .map(|(cause, body)| News { moment: self.moment(cause), body })
                .collect();
            let mut transaction = self.database.begin().await.unwrap();
            let sayings = $function(&mut transaction, self.desk(), &news).await.unwrap();
            transaction.commit().await.unwrap();
            sayings.into_vec()
        }
    )+};
}

macro_rules! reports {
    ($($method:ident: $report:ident by $function:ident;)+) => {$(
        /// What agents say: what is said then.
        pub(crate) async fn $method(&self, reports: &[(&str, $report)]) -> Vec<Saying> {
            let words: Vec<Word<'_, $report>> = reports
                .iter()
                .enumerate()
                .map(|(cause, (agent, body))| Word { moment: self.moment(cause), agent, body })
                .collect();
            let mut transaction = self.database.begin().await.unwrap();
            let sayings = $function(&mut transaction, self.desk(), &words).await.unwrap();
            transaction.commit().await.unwrap();
            sayings.into_vec()
        }
    )+};
}

macro_rules! by_time {
    ($($method:ident by $function:ident;)+) => {$(
        /// What is due now, at most so many; whether there may be more.
        pub(crate) async fn $method(&self, limit: i64) -> (bool, Vec<Saying>) {
            let mut transaction = self.database.begin().await.unwrap();
            let (more, sayings) = $function(&mut transaction, self.desk(), self.moment(0), limit)
                .await
                .unwrap();
            transaction.commit().await.unwrap();
            (more, sayings.into_vec())
        }
    )+};
}

impl World {
    /// At [`NOON`].
    pub(crate) fn new(database: &Database) -> Self {
        Self {
            database: database.clone(),
            bookmarks: Bookmarks::default(),
            ids: SequentialIds::new(),
            now: AtomicI64::new(NOON),
        }
    }

    /// As a replica whose ids are greater.
    pub(crate) fn starting_at(self, start: u32) -> Self {
        for _ in 0..start {
            self.id();
        }
        self
    }

    /// The time: microseconds since 1970 UTC.
    pub(crate) fn now(&self) -> i64 {
        self.now.load(Ordering::Relaxed)
    }

    /// Lets time pass, in microseconds.
    pub(crate) fn pass(&self, microseconds: i64) {
        self.now.fetch_add(microseconds, Ordering::Relaxed);
    }

    fn id(&self) -> Uuid {
        self.ids.next()
    }

    fn moment(&self, cause: usize) -> Moment {
        let now = self.now();
        Moment { cause, now }
    }

    fn desk(&self) -> Desk<'_> {
        Desk {
            ids: &self.ids,
            limits: LIMITS,
        }
    }

    commands! {
        creates: CreateComputeSession by create_compute_sessions;
        destroys: DestroyComputeSession by destroy_compute_sessions;
        restarts: RestartComputeSession by restart_compute_sessions;
        uses: UseComputeSession by use_compute_sessions;
    }

    events! {
        granted: SlotsGranted by slots_granted;
        queued: SlotsQueued by slots_queued;
        refused: SlotsRefused by slots_refused;
        lost: SlotsLost by slots_lost;
    }

    reports! {
        started: ContainerStarted by containers_started;
        ended: ContainerEnded by containers_ended;
    }

    by_time! {
        look_after by look_after_sessions;
        answer_late by answer_late;
        begin_dependents by begin_dependents;
        forget by forget_sessions;
    }

    /// What an agent says of what its containers use.
    pub(crate) async fn uses_up(&self, heard: &[(&str, &ContainersUsage)]) {
        let mut transaction = self.database.begin().await.unwrap();
        containers_usage(&mut transaction, heard).await.unwrap();
        transaction.commit().await.unwrap();
    }

    /// The sessions that are asked for.
    pub(crate) async fn list(&self, question: &ListComputeSessions) -> Page {
        self.listed(question).await.unwrap()
    }

    /// The same, or why there is none.
    pub(crate) async fn listed(&self, question: &ListComputeSessions) -> Listed {
        let listed = list_sessions(&self.database, &self.bookmarks, question).await;
        listed.unwrap()
    }

    /// The session of that name or id, and its logs.
    pub(crate) async fn found(&self, name: &str) -> Option<FoundComputeSession> {
        let session = over_or_not(name);
        let question = FindComputeSession { session };
        match find_compute_session(&self.database, &question)
            .await
            .unwrap()
        {
            Outcome::Done(found) => Some(found),
            Outcome::Refused(_) => None,
        }
    }

    /// The session of that name or id.
    pub(crate) async fn session(&self, name: &str) -> ComputeSession {
        self.found(name).await.unwrap().session
    }

    /// One that has slots on these agents.
    pub(crate) async fn preparing(
        &self,
        command: CreateComputeSession,
        agents: &[&str],
    ) -> (ComputeSession, Vec<Saying>) {
        let name = command.name.clone();
        let (_, said) = self.creates(&[command]).await;
        let granted = granting(&asked(&said)[0], agents);
        let said = self.granted(&[granted]).await;
        (self.session(&name).await, said)
    }

    /// One that runs on these agents.
    pub(crate) async fn running(
        &self,
        command: CreateComputeSession,
        agents: &[&str],
    ) -> ComputeSession {
        let (session, said) = self.preparing(command, agents).await;
        self.started(&starts(&said)).await;
        let session = self.session(&session.id.to_string()).await;
        assert_eq!(session.status, ComputeSessionStatus::Running);
        session
    }

    /// One that ran and is over.
    pub(crate) async fn over(&self, command: CreateComputeSession) -> ComputeSession {
        let session = self.running(command, &["a"]).await;
        let (_, said) = self.destroys(&[destroying(&session.name)]).await;
        self.ended(&stops(&said)).await;
        self.session(&session.id.to_string()).await
    }
}

/// An interactive session of that name; its creation is answered when it is known that it can be had.
pub(crate) fn creating(name: &str) -> CreateComputeSession {
    CreateComputeSession {
        name: name.to_owned(),
        owner: OWNER.to_owned(),
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
        tag: Some("any".to_owned()),
        startup_command: None,
        bootstrap_script: None,
        starts_at: None,
        environ: BTreeMap::from([("A".to_owned(), "B".to_owned())]),
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
        answer: ScheduleRule::Enqueued,
    }
}

/// One whose creation is answered when it runs, or an hour after [`NOON`].
pub(crate) fn waiting(name: &str) -> CreateComputeSession {
    CreateComputeSession {
        answer: ScheduleRule::StartedBy(NOON + 3_600 * SECOND),
        ..creating(name)
    }
}

/// A session that is not over.
pub(crate) fn reference(name: &str) -> ComputeSessionReference {
    ComputeSessionReference {
        owner: OWNER.to_owned(),
        name: name.to_owned(),
        or_over: false,
    }
}

/// A session that may be over.
pub(crate) fn over_or_not(name: &str) -> ComputeSessionReference {
    ComputeSessionReference {
        or_over: true,
        ..reference(name)
    }
}

/// Ends it.
pub(crate) fn destroying(name: &str) -> DestroyComputeSession {
    DestroyComputeSession {
        session: reference(name),
        forced: false,
        recursive: false,
    }
}

/// What is asked of node allocation.
pub(crate) fn asked(said: &[Saying]) -> Vec<AllocateSlots> {
    said.iter()
        .filter_map(|saying| match saying {
            Saying::Do(Deed::Allocate(command)) => Some((**command).clone()),
            _ => None,
        })
        .collect()
}

/// Sessions whose slots are given back.
pub(crate) fn released(said: &[Saying]) -> Vec<Uuid> {
    said.iter()
        .filter_map(|saying| match saying {
            Saying::Do(Deed::Release(command)) => Some(command.session),
            _ => None,
        })
        .collect()
}

/// Statuses that are told.
pub(crate) fn told(said: &[Saying]) -> Vec<ComputeSessionStatus> {
    said.iter()
        .filter_map(|saying| match saying {
            Saying::Changed(event) => Some(event.session.status),
            _ => None,
        })
        .collect()
}

/// The outcomes of commands that waited.
pub(crate) fn settled(said: &[Saying]) -> Vec<(Uuid, Settlement)> {
    said.iter()
        .filter_map(|saying| match saying {
            Saying::Settle(command, settlement) => Some((*command, (**settlement).clone())),
            _ => None,
        })
        .collect()
}

/// Slots on these agents.
pub(crate) fn granting(asked: &AllocateSlots, agents: &[&str]) -> SlotsGranted {
    SlotsGranted {
        request: asked.request,
        session: asked.session,
        tenant: asked.tenant.clone(),
        scaling_group: "default".to_owned(),
        leases: agents
            .iter()
            .map(|agent| SlotLease {
                agent: (*agent).to_owned(),
                address: None,
            })
            .collect(),
    }
}

/// Every order to start, or to start anew, succeeds.
pub(crate) fn starts(said: &[Saying]) -> Vec<(&str, ContainerStarted)> {
    said.iter()
        .filter_map(|saying| {
            let (agent, order, container) = match saying {
                Saying::Do(Deed::Start(agent, order)) => (agent, order.order, order.container),
                Saying::Do(Deed::Restart(agent, order)) => (agent, order.order, order.container),
                _ => return None,
            };
            let result = ContainerStart::Running {
                host: "127.0.0.1".to_owned(),
                service_ports: vec![ServicePort {
                    name: "http".to_owned(),
                    protocol: ServiceProtocol::Http,
                    container_port: 8080,
                    host_port: 40_000,
                }],
            };
            let report = ContainerStarted {
                order,
                container,
                result,
            };
            Some((agent.as_str(), report))
        })
        .collect()
}

/// No order to start succeeds.
pub(crate) fn failures(said: &[Saying]) -> Vec<(&str, ContainerStarted)> {
    let failed = |(agent, report): (_, ContainerStarted)| {
        let reason = "no\0".to_owned();
        let result = ContainerStart::Failed { reason };
        (agent, ContainerStarted { result, ..report })
    };
    starts(said).into_iter().map(failed).collect()
}

/// Every order to end a container is carried out.
pub(crate) fn stops(said: &[Saying]) -> Vec<(&str, ContainerEnded)> {
    said.iter()
        .filter_map(|saying| {
            let Saying::Do(Deed::Stop(agent, order)) = saying else {
                return None;
            };
            let report = ContainerEnded {
                order: Some(order.order),
                container: order.container,
                end: ContainerEnd::Stopped,
                usage: None,
                logs: "bye\0\n".to_owned(),
            };
            Some((agent.as_str(), report))
        })
        .collect()
}
