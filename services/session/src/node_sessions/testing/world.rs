//! Node sessions without a broker: what comes in is given by hand, what is said is looked at.

use std::sync::atomic::{AtomicI64, Ordering};

use muster_contract::{
    Outcome, Principal,
    agent::SessionHookFinished,
    job_archive::{JobStopped, JobsDeleted},
    node_allocation::{AllocationRefused, LeasedNode, NodesGranted, NodesHeld, NodesReleased},
    session::{
        Account, AccountNodeSessions, CancelNodeRequest, CloseNodeSession, ExtendNodeSession,
        GrowNodeSession, HoldNodeSession, ListNodeSessions, NodeSession, OpenNodeSession,
        ShrinkNodeSession,
    },
};
use muster_platform::{Ids as _, SequentialIds};
use muster_storage::Database;
use uuid::Uuid;

use super::examples::{
    AGENT, HOOK_LIMIT, NOON, asked, by_name, closing, demand, everything, grant, growing, opening,
    release,
};
use crate::{
    node_sessions::{
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
            jobs_deleted::jobs_deleted, nodes_granted::nodes_granted, nodes_held::nodes_held,
            nodes_released::nodes_released, session_hook_finished::session_hooks_finished,
        },
        saying::Saying,
        site_hooks::{ProjectHooks, SiteSessionHooks},
        store::{accounts::accounts, list_sessions::list_sessions},
    },
    testing::alice,
};

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
        jobs_deleted: JobsDeleted by jobs_deleted;
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

/// Gives a test a world on that database.
pub(crate) async fn in_world(database: &Database, test: impl AsyncFnOnce(&World)) {
    test(&World::new(database)).await;
}

/// Makes of one test two, one for each engine.
macro_rules! on_both_engines {
    ($($tests:tt)+) => {
        muster_testkit::on_both_engines! {
            crate::testing::DATABASES, crate::node_sessions::testing::in_world, crate::node_sessions::testing::World; $($tests)+
        }
    };
}

pub(crate) use on_both_engines;
