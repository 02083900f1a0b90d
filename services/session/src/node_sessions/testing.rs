//! What the tests of this crate share.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use muster_contract::{
    Outcome, Principal, Role,
    agent::{HookResult, RunSessionHook, SessionHookFinished},
    job_archive::JobStopped,
    node_allocation::{
        AllocationRefused, LeasedNode, NodeDemand, NodeSelector, NodesGranted, NodesHeld,
        NodesReleased,
    },
    session::{
        Account, AccountNodeSessions, CancelNodeRequest, CloseNodeSession, ExtendNodeSession,
        GrowNodeSession, HoldNodeSession, ListNodeSessions, NodeSession, OpenNodeSession,
        SessionReference, ShrinkNodeSession,
    },
};
use muster_platform::{Ids as _, SequentialIds};
use muster_storage::{Database, Location, StorageOptions};
use muster_testkit::{PostgresServer, TemporaryDirectory, skip};
use uuid::Uuid;

use crate::MIGRATIONS;
use crate::node_sessions::{
    book::Moment,
    commands::{
        Order, Reached, cancel_node_request::cancel_node_requests,
        close_node_session::close_node_sessions, extend_node_session::extend_node_sessions,
        grow_node_session::grow_node_sessions, hold_node_session::hold_node_sessions,
        open_node_session::open_node_sessions, shrink_node_session::shrink_node_sessions,
    },
    domain::session::Session,
    periodic::{
        ask_again::ask_again, expire_sessions::expire_sessions,
        forget_stopped_jobs::forget_stopped_jobs, look_after_hooks::look_after_hooks,
    },
    reactions::{
        News, allocation_refused::allocation_refused, job_stopped::job_stopped,
        nodes_granted::nodes_granted, nodes_held::nodes_held, nodes_released::nodes_released,
        session_hook_finished::session_hooks_finished,
    },
    saying::{Saying, Settlement},
    site_hooks::{ProjectHooks, SiteSessionHooks},
    store::{accounts::accounts, list_sessions::list_sessions},
};

/// Any time that looks like one: microseconds since 1970 UTC.
pub(crate) const NOON: i64 = 1_675_944_000_000_000;
/// A second.
pub(crate) const SECOND: i64 = 1_000_000;
/// An hour.
pub(crate) const HOUR: i64 = 3_600 * SECOND;
/// Life of the nodes of [`lease`], in seconds, and how long it may be at most.
pub(crate) const LIFETIME: i64 = 6 * 3_600;
pub(crate) const MAXIMUM_LIFETIME: i64 = 12 * 3_600;

/// The longest that an attempt of a hook may take.
pub(crate) const HOOK_LIMIT: Duration = Duration::from_mins(2);
/// The agent that runs the hooks.
pub(crate) const AGENT: &str = "network";

/// A database of the test's own; it goes with this value.
pub(crate) struct TestDatabase {
    pub(crate) database: Database,
    /// Where it is, if it is on PostgreSQL.
    url: Option<String>,
    _directory: Option<TemporaryDirectory>,
}

impl TestDatabase {
    /// The same PostgreSQL database as another replica has it, with connections of its own.
    pub(crate) async fn replica(&self) -> Database {
        open_postgres(self.url.clone().unwrap()).await
    }
}

/// An empty SQLite database.
pub(crate) async fn sqlite() -> TestDatabase {
    let directory = TemporaryDirectory::new("session").unwrap();
    let location = Location::Sqlite(directory.join("session.sqlite"));
    TestDatabase {
        database: open(location).await,
        url: None,
        _directory: Some(directory),
    }
}

/// An empty PostgreSQL database, where there can be one.
pub(crate) async fn postgres() -> Option<TestDatabase> {
    if let Err(reason) = PostgresServer::available() {
        skip("sessions on PostgreSQL", &reason);
        return None;
    }
    let server = PostgresServer::shared().await.unwrap();
    let url = server.create_database().await.unwrap();
    Some(TestDatabase {
        database: open_postgres(url.clone()).await,
        url: Some(url),
        _directory: None,
    })
}

async fn open_postgres(url: String) -> Database {
    let schema = "session".to_owned();
    open(Location::Postgres { url, schema }).await
}

async fn open(location: Location) -> Database {
    Database::open(&StorageOptions::new(location), &MIGRATIONS)
        .await
        .unwrap()
}

/// Makes of one test two, one for each engine.
macro_rules! on_both_engines {
    ($($(#[$attribute:meta])* async fn $name:ident($world:ident) $body:block)+) => {$(
        mod $name {
            #[expect(clippy::allow_attributes, reason = "not every test needs all of it")]
            #[allow(unused_imports)]
            use super::*;

            async fn test($world: &crate::node_sessions::testing::World) $body

            $(#[$attribute])*
            #[tokio::test]
            async fn sqlite() {
                let database = crate::node_sessions::testing::sqlite().await;
                test(&crate::node_sessions::testing::World::new(&database.database)).await;
            }

            $(#[$attribute])*
            #[tokio::test]
            async fn postgres() {
                if let Some(database) = crate::node_sessions::testing::postgres().await {
                    test(&crate::node_sessions::testing::World::new(&database.database)).await;
                }
            }
        }
    )+};
}

pub(crate) use on_both_engines;

/// A service without a broker: what comes in is given by hand, what it says is looked at.
pub(crate) struct World {
    pub(crate) database: Database,
    hooks: SiteSessionHooks,
    ids: SequentialIds,
    now: AtomicI64,
}

macro_rules! commands {
    ($($method:ident: $command:ident by $function:ident;)+) => {$(
        /// A batch of commands: how far each is, and what is said.
        pub(crate) async fn $method(
            &self,
            commands: &[(&Principal, Uuid, $command)],
        ) -> (Vec<Reached<$command>>, Vec<Saying>) {
            let orders: Vec<Order<'_, $command>> = commands
                .iter()
                .map(|(caller, id, body)| Order { caller, id: *id, now: self.now(), body })
                .collect();
            let mut transaction = self.database.begin().await.unwrap();
            let (reached, sayings) =
                $function(&mut transaction, &self.ids, &orders).await.unwrap();
            transaction.commit().await.unwrap();
            (reached, sayings.into_vec())
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
                .map(|(cause, body)| News { moment: Moment { cause, now: self.now() }, body })
                .collect();
            let mut transaction = self.database.begin().await.unwrap();
            let sayings = $function(&mut transaction, &self.ids, &news).await.unwrap();
            transaction.commit().await.unwrap();
            sayings.into_vec()
        }
    )+};
}

impl World {
    /// At [`NOON`]. The projects `wired`, `up` and `down` have hooks.
    pub(crate) fn new(database: &Database) -> Self {
        let hooks = |set_up, tear_down| ProjectHooks {
            agent: AGENT.to_owned(),
            set_up,
            tear_down,
            attempts: 3,
        };
        Self {
            database: database.clone(),
            hooks: SiteSessionHooks::of([
                ("wired", hooks(Some(HOOK_LIMIT), Some(HOOK_LIMIT))),
                ("up", hooks(Some(HOOK_LIMIT), None)),
                ("down", hooks(None, Some(HOOK_LIMIT))),
            ]),
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

    /// The service as it is after a restart, with a site without hooks: with the tables, at the same time, and nothing else.
    pub(crate) fn restarted(&self) -> Self {
        let (ids, last) = (SequentialIds::new(), self.id());
        while ids.next() < last {}
        Self {
            database: self.database.clone(),
            hooks: SiteSessionHooks::default(),
            ids,
            now: AtomicI64::new(self.now()),
        }
    }

    /// The time: microseconds since 1970 UTC.
    pub(crate) fn now(&self) -> i64 {
        self.now.load(Ordering::Relaxed)
    }

    /// Lets time pass, in microseconds.
    pub(crate) fn pass(&self, microseconds: i64) {
        self.now.fetch_add(microseconds, Ordering::Relaxed);
    }

    /// A new id.
    pub(crate) fn id(&self) -> Uuid {
        self.ids.next()
    }

    commands! {
        grows: GrowNodeSession by grow_node_sessions;
        shrinks: ShrinkNodeSession by shrink_node_sessions;
        holds: HoldNodeSession by hold_node_sessions;
        closes: CloseNodeSession by close_node_sessions;
        extends: ExtendNodeSession by extend_node_sessions;
        cancels: CancelNodeRequest by cancel_node_requests;
    }

    /// A batch of openings: how far each is, and what is said.
    pub(crate) async fn opens(
        &self,
        commands: &[(&Principal, Uuid, OpenNodeSession)],
    ) -> (Vec<Reached<OpenNodeSession>>, Vec<Saying>) {
        let orders: Vec<Order<'_, OpenNodeSession>> = commands
            .iter()
            .map(|(caller, id, body)| Order {
                caller,
                id: *id,
                now: self.now(),
                body,
            })
            .collect();
        let mut transaction = self.database.begin().await.unwrap();
        let (reached, sayings) =
            open_node_sessions(&mut transaction, &self.ids, &self.hooks, &orders)
                .await
                .unwrap();
        transaction.commit().await.unwrap();
        (reached, sayings.into_vec())
    }

    /// What agents say of their orders: what is said then.
    pub(crate) async fn reported(&self, reports: &[(&str, SessionHookFinished)]) -> Vec<Saying> {
        let news: Vec<_> = reports
            .iter()
            .enumerate()
            .map(|(cause, (agent, body))| {
                let now = self.now();
                let moment = Moment { cause, now };
                (*agent, News { moment, body })
            })
            .collect();
        let mut transaction = self.database.begin().await.unwrap();
        let sayings = session_hooks_finished(&mut transaction, &self.ids, &news)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        sayings.into_vec()
    }

    /// What is due now of hooks, at most so many; whether there may be more.
    pub(crate) async fn look_after_hooks(&self, limit: i64) -> (bool, Vec<Saying>) {
        let mut transaction = self.database.begin().await.unwrap();
        let (more, sayings) = look_after_hooks(&mut transaction, &self.ids, self.now(), limit)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        (more, sayings.into_vec())
    }

    /// Forgets jobs that have stopped long ago; whether there may be more.
    pub(crate) async fn forget_stopped_jobs(&self, limit: i64) -> bool {
        let mut transaction = self.database.begin().await.unwrap();
        let more = forget_stopped_jobs(&mut transaction, self.now(), limit)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        more
    }

    events! {
        granted: NodesGranted by nodes_granted;
        refused: AllocationRefused by allocation_refused;
        released: NodesReleased by nodes_released;
        held: NodesHeld by nodes_held;
        jobs_stopped: JobStopped by job_stopped;
    }

    /// What is due now, at most so many; whether there may be more.
    pub(crate) async fn expire(&self, limit: i64) -> (bool, Vec<Saying>) {
        let mut transaction = self.database.begin().await.unwrap();
        let (more, sayings) = expire_sessions(&mut transaction, &self.ids, self.now(), limit)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        (more, sayings.into_vec())
    }

    /// What is missed now.
    pub(crate) async fn ask_again(&self) -> Vec<Saying> {
        let mut transaction = self.database.begin().await.unwrap();
        let (_, sayings) = ask_again(&mut transaction, self.now(), 64).await.unwrap();
        transaction.commit().await.unwrap();
        sayings.into_vec()
    }

    /// The sessions that are asked for.
    pub(crate) async fn list(&self, question: &ListNodeSessions) -> Vec<NodeSession> {
        let sessions = list_sessions(&self.database, question).await.unwrap();
        sessions.iter().map(Session::shown).collect()
    }

    /// What was used.
    pub(crate) async fn accounts(&self, question: &AccountNodeSessions) -> Vec<Account> {
        accounts(&self.database, question, self.now())
            .await
            .unwrap()
    }

    /// The session with this id.
    pub(crate) async fn session(&self, id: &str) -> NodeSession {
        let question = ListNodeSessions {
            session: Some(by_name(id)),
            ..everything()
        };
        self.list(&question).await.pop().unwrap()
    }

    /// An active session of alice with these nodes.
    pub(crate) async fn active(&self, nodes: &[LeasedNode]) -> NodeSession {
        self.active_of(
            &alice(),
            OpenNodeSession {
                demands: if nodes.is_empty() {
                    vec![]
                } else {
                    vec![demand()]
                },
                ..opening()
            },
            nodes,
        )
        .await
    }

    /// An active session.
    pub(crate) async fn active_of(
        &self,
        owner: &Principal,
        command: OpenNodeSession,
        nodes: &[LeasedNode],
    ) -> NodeSession {
        let (mut reached, said) = self.opens(&[(owner, self.id(), command)]).await;
        match reached.remove(0) {
            Some(Outcome::Done(session)) => session,
            Some(Outcome::Refused(refusal)) => panic!("{refusal:?}"),
            None => {
                let (request, session) = asked(&said)[0].clone();
                let granted = NodesGranted {
                    tenant: owner.project.clone(),
                    ..grant(request, &session, nodes)
                };
                self.granted(&[granted]).await;
                self.session(&session).await
            }
        }
    }

    /// Grows a session of alice's by these nodes.
    pub(crate) async fn grown(&self, session: &NodeSession, nodes: &[LeasedNode]) -> NodeSession {
        let command = growing(&session.id);
        let (_, said) = self.grows(&[(&alice(), self.id(), command)]).await;
        let (request, id) = asked(&said)[0].clone();
        self.granted(&[grant(request, &id, nodes)]).await;
        self.session(&id).await
    }

    /// Closes a session of alice's.
    pub(crate) async fn closed(&self, session: &NodeSession) -> NodeSession {
        let command = closing(&session.id);
        let (_, said) = self.closes(&[(&alice(), self.id(), command)]).await;
        for (request, id) in asked(&said) {
            self.released(&[release(request, &id)]).await;
        }
        self.session(&session.id).await
    }
}

/// A principal of a tenant.
pub(crate) fn principal(name: &str, tenant: &str, roles: &[Role]) -> Principal {
    Principal {
        name: name.to_owned(),
        domain: "default".to_owned(),
        project: tenant.to_owned(),
        roles: roles.to_vec(),
    }
}

/// A user of the tenant `demo`.
pub(crate) fn alice() -> Principal {
    principal("alice", "demo", &[Role::User])
}

/// A user of the tenant `other`.
pub(crate) fn bob() -> Principal {
    principal("bob", "other", &[Role::User])
}

/// A user of the tenant `wired`, whose sessions are set up and torn down.
pub(crate) fn carol() -> Principal {
    principal("carol", "wired", &[Role::User])
}

/// Somebody who may act for every tenant.
pub(crate) fn admin() -> Principal {
    principal("root", "operators", &[Role::Admin])
}

/// A session without anything.
pub(crate) fn opening() -> OpenNodeSession {
    OpenNodeSession {
        alias: None,
        demands: vec![],
        wait_until: None,
        job: None,
        rate: None,
    }
}

/// One of that name.
pub(crate) fn named(alias: &str) -> OpenNodeSession {
    OpenNodeSession {
        alias: Some(alias.to_owned()),
        ..opening()
    }
}

/// One with a node.
pub(crate) fn opening_with_node() -> OpenNodeSession {
    OpenNodeSession {
        demands: vec![demand()],
        ..opening()
    }
}

/// A reference by id or alias.
pub(crate) fn by_name(name: &str) -> SessionReference {
    SessionReference::Name(name.to_owned())
}

pub(crate) fn growing(name: &str) -> GrowNodeSession {
    GrowNodeSession {
        session: by_name(name),
        demands: vec![demand()],
        wait_until: None,
    }
}

pub(crate) fn shrinking(name: &str, hostname: &str) -> ShrinkNodeSession {
    ShrinkNodeSession {
        session: by_name(name),
        hostname: hostname.to_owned(),
    }
}

/// For six hours more, with at most so many nodes held.
pub(crate) fn holding(name: &str, held_nodes_limit: Option<u32>) -> HoldNodeSession {
    HoldNodeSession {
        session: by_name(name),
        held_nodes_limit,
        prolonged_by: LIFETIME,
    }
}

pub(crate) fn closing(name: &str) -> CloseNodeSession {
    CloseNodeSession {
        session: by_name(name),
    }
}

/// One node of a pool.
pub(crate) fn demand() -> NodeDemand {
    NodeDemand {
        selector: NodeSelector::Pool {
            name: "metal".to_owned(),
        },
        minimum: 1,
        maximum: 1,
        excluded_hosts: vec![],
    }
}

/// The first lease of a node whose pool has [`LIFETIME`].
pub(crate) fn lease(id: i64) -> LeasedNode {
    LeasedNode {
        id,
        hostname: format!("n{id}.dusty"),
        ip_address: format!("192.0.2.{id}"),
        pool: "metal".to_owned(),
        generation: 1,
        lifetime: Some(LIFETIME),
        maximum_lifetime: Some(MAXIMUM_LIFETIME),
    }
}

/// A lease of a node whose sessions never end by themselves.
pub(crate) fn endless(id: i64) -> LeasedNode {
    LeasedNode {
        lifetime: None,
        maximum_lifetime: None,
        pool: "cloud".to_owned(),
        ..lease(id)
    }
}

pub(crate) fn grant(request: Uuid, session: &str, nodes: &[LeasedNode]) -> NodesGranted {
    NodesGranted {
        request,
        session: session.to_owned(),
        tenant: "demo".to_owned(),
        nodes: nodes.to_vec(),
    }
}

pub(crate) fn release(request: Uuid, session: &str) -> NodesReleased {
    NodesReleased {
        request,
        session: session.to_owned(),
        tenant: "demo".to_owned(),
        nodes: vec![],
    }
}

/// What node allocation is asked for: request and session.
pub(crate) fn asked(said: &[Saying]) -> Vec<(Uuid, String)> {
    said.iter()
        .filter_map(|saying| match saying {
            Saying::Allocate(command) => Some((command.request, command.session.clone())),
            Saying::Release(command) => Some((command.request, command.session.clone())),
            Saying::Hold(command) => Some((command.request, command.session.clone())),
            _ => None,
        })
        .collect()
}

/// What agents are told to do.
pub(crate) fn ordered(said: &[Saying]) -> Vec<RunSessionHook> {
    said.iter()
        .filter_map(|saying| match saying {
            Saying::Order(agent, order) => {
                assert_eq!(agent, AGENT);
                Some(order.clone())
            }
            _ => None,
        })
        .collect()
}

/// The agent has done it.
pub(crate) fn success(order: &RunSessionHook) -> (&'static str, SessionHookFinished) {
    let order = order.order;
    let result = HookResult::Succeeded;
    (AGENT, SessionHookFinished { order, result })
}

/// The agent could not do it.
pub(crate) fn failure(order: &RunSessionHook, reason: &str) -> (&'static str, SessionHookFinished) {
    let order = order.order;
    let reason = reason.to_owned();
    let result = HookResult::Failed { reason };
    (AGENT, SessionHookFinished { order, result })
}

/// What is told to whoever waits.
pub(crate) fn settled(said: &[Saying]) -> Vec<(Uuid, Settlement)> {
    said.iter()
        .filter_map(|saying| match saying {
            Saying::Settle(command, settlement) => Some((*command, settlement.clone())),
            _ => None,
        })
        .collect()
}

/// The question for all sessions.
pub(crate) fn everything() -> ListNodeSessions {
    ListNodeSessions {
        limit: 500,
        ..ListNodeSessions::default()
    }
}
