//! Whatever happens to nodes, in whatever order: what must always be true of them.

mod happenings;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use muster_contract::{
    agent::{HookResult, NodeHook, RunNodeHook},
    node_allocation::{NodeChange, NodeState},
};
use muster_storage::Database;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use uuid::Uuid;

use self::happenings::{Happening, Setting, happening, setting};
use super::testing::{Given, Played, failure};
use crate::testing::{DATABASES, check_books, nodes, of_pool, waiting, wanted};

const HOSTS: [&str; 4] = ["n1.dusty", "n2.dusty", "n3.dusty", "n4.dusty"];

/// What the test knows besides the tables.
struct Model {
    setting: Setting,
    given: Vec<Given>,
    requests: Vec<u128>,
    sessions: Vec<u128>,
    /// Nodes that were in a session and have not been wiped since.
    dirty: BTreeSet<String>,
    answered: HashMap<Uuid, usize>,
    /// States that operators put nodes into: they stay there.
    set_aside: BTreeSet<String>,
}

async fn live(database: &Database) -> BTreeSet<Uuid> {
    let rows: Vec<(String,)> = database
        .fetch_all("SELECT id FROM hook_order", &[])
        .await
        .unwrap();
    rows.into_iter().map(|(id,)| id.parse().unwrap()).collect()
}

impl Model {
    /// One of the orders that live.
    async fn pick(&self, played: &Played<'_>, number: usize) -> Option<Given> {
        let alive = live(played.database).await;
        let orders: Vec<&Given> = self
            .given
            .iter()
            .filter(|(_, order)| alive.contains(&order.order))
            .collect();
        (!orders.is_empty()).then(|| orders[number % orders.len()].clone())
    }

    async fn succeed(&mut self, played: &mut Played<'_>, agent: &str, order: &RunNodeHook) {
        let lives = live(played.database).await.contains(&order.order);
        if lives && order.hook == NodeHook::Deprovision {
            self.dirty.remove(&order.node.hostname);
        }
        played.report(agent, order, HookResult::Succeeded).await;
    }

    async fn happens(&mut self, played: &mut Played<'_>, happening: Happening) {
        let choose = |list: &[u128], number: usize| list.get(number % list.len().max(1)).copied();
        let next = self.requests.len() as u128 + 1;
        match happening {
            Happening::Allocate {
                minimum,
                more,
                waits,
            } => {
                let mut demand = of_pool("metal", minimum);
                demand.maximum = (minimum + more).max(1);
                let mut command = wanted(next, vec![demand.clone()]);
                if waits {
                    command = waiting(next, 0, vec![demand]);
                    command.wait_until = Some(played.now + 3_600_000_000);
                }
                self.requests.push(next);
                self.sessions.push(next);
                played.allocate(command).await;
            }
            Happening::Grow { session, nodes } => {
                if let Some(session) = choose(&self.sessions, session) {
                    let mut command = wanted(next, vec![of_pool("metal", nodes)]);
                    command.session = format!("s{session}");
                    self.requests.push(next);
                    played.allocate(command).await;
                }
            }
            Happening::Release { session } => {
                if let Some(session) = choose(&self.sessions, session) {
                    played.release(session, None).await;
                }
            }
            Happening::GiveBack { node } => {
                let node = played.node(HOSTS[node % HOSTS.len()]).await;
                if let Some(session) = node.session {
                    let session = session[1..].parse().unwrap();
                    played
                        .release(session, Some(vec![(node.id, node.generation)]))
                        .await;
                }
            }
            Happening::Hold { session } => {
                if let Some(session) = choose(&self.sessions, session) {
                    played.hold(session).await;
                }
            }
            Happening::Cancel { request } => {
                if let Some(request) = choose(&self.requests, request) {
                    played.cancel(request).await;
                }
            }
            Happening::Finish { order } => {
                if let Some((agent, order)) = self.pick(played, order).await {
                    self.succeed(played, &agent, &order).await;
                }
            }
            Happening::Fail { order } => {
                if let Some((agent, order)) = self.pick(played, order).await {
                    played.report(&agent, &order, failure()).await;
                }
            }
            Happening::Late { order, succeeded } => {
                if !self.given.is_empty() {
                    let (agent, order) = self.given[order % self.given.len()].clone();
                    if succeeded {
                        self.succeed(played, &agent, &order).await;
                    } else {
                        played.report(&agent, &order, failure()).await;
                    }
                }
            }
            Happening::Stranger { order } => {
                if let Some((_, order)) = self.pick(played, order).await {
                    played
                        .report("somebody", &order, HookResult::Succeeded)
                        .await;
                }
            }
            Happening::Pass { seconds } => {
                played.pass(seconds);
                played.tick().await;
            }
            Happening::Renew => played.renew().await,
            Happening::Put { node, state } => {
                let host = HOSTS[node % HOSTS.len()];
                if played.put(host, state).await.is_ok() {
                    self.set_aside.remove(host);
                    if matches!(state, NodeState::Reserved | NodeState::Unused) {
                        self.set_aside.insert(host.to_owned());
                    }
                }
            }
            Happening::Drain { node } => {
                let host = HOSTS[node % HOSTS.len()];
                played.change(host, NodeChange::Drain).await.unwrap();
                self.set_aside.insert(host.to_owned());
            }
        }
    }

    /// What must be true at every moment.
    async fn check(&mut self, played: &mut Played<'_>) {
        let database = played.database;
        check_books(database).await;
        self.given.append(&mut played.orders);
        for (request, _) in played.take_ends() {
            let times = self.answered.entry(request).or_default();
            *times += 1;
            assert_eq!(*times, 1, "{request} is answered twice");
        }
        let orders: Vec<(i64, String, bool, Option<i64>)> = database
            .fetch_all(
                "SELECT node.id, COALESCE(hook_order.hook, ''), node.unwiped, node.hook_due \
                 FROM node LEFT JOIN hook_order ON hook_order.node = node.id",
                &[],
            )
            .await
            .unwrap();
        let at_work: BTreeMap<i64, (String, bool, bool)> = orders
            .into_iter()
            .map(|(node, hook, unwiped, due)| (node, (hook, unwiped, due.is_some())))
            .collect();
        for node in nodes(database).await {
            let (hook, unwiped, due) = &at_work[&node.id];
            let wipes = self.setting.has(NodeHook::Deprovision);
            let is_dirty = self.dirty.contains(&node.hostname);
            if node.session.is_some() {
                self.dirty.insert(node.hostname.clone());
            } else if wipes {
                assert_eq!(*unwiped, is_dirty, "{node:?}");
                assert!(node.state != NodeState::Ready || !is_dirty, "{node:?}");
            }
            let expected = match node.state {
                NodeState::Contextualizing => hook == "contextualize" && !due,
                // An order lives, or the next is due; or what was ordered for the session is still being done.
                NodeState::Provisioning => (hook == "provision") != *due,
                NodeState::Deprovisioning => {
                    (hook == "deprovision" || hook == "contextualize") != *due
                }
                NodeState::Quarantined => hook.is_empty() && *due,
                // It was given back while it was prepared, and is reserved.
                NodeState::Reserved => !due && (hook.is_empty() || hook == "contextualize"),
                _ => hook.is_empty() && !due,
            };
            assert!(expected, "{node:?} {:?}", at_work[&node.id]);
        }
        self.check_places(database).await;
    }

    /// The nodes of requests that are being met are held by their sessions, each in one place.
    async fn check_places(&self, database: &Database) {
        let mut transaction = database.begin().await.unwrap();
        let requests = crate::store::waiting::waiting(&mut transaction)
            .await
            .unwrap();
        transaction.rollback().await.unwrap();
        let nodes: BTreeMap<i64, _> = nodes(database)
            .await
            .into_iter()
            .map(|node| (node.id, node))
            .collect();
        let mut placed = BTreeSet::new();
        for request in &requests {
            assert!(!self.answered.contains_key(&request.request), "{request:?}");
            for (id, generation) in request
                .places
                .iter()
                .flat_map(crate::domain::places::Places::leases)
            {
                assert!(placed.insert(id), "{request:?}");
                let node = &nodes[&id];
                assert_eq!(
                    (node.generation, node.session.as_ref()),
                    (generation, Some(&request.session))
                );
            }
        }
        for node in nodes
            .values()
            .filter(|node| node.state == NodeState::Contextualizing)
        {
            assert!(placed.contains(&node.id), "{node:?}");
        }
    }

    /// Everybody goes home, and from now on all goes well, or nothing does: each node comes to rest.
    async fn come_to_rest(&mut self, played: &mut Played<'_>, well: bool) {
        for session in self.sessions.clone() {
            played.release(session, None).await;
            self.check(played).await;
        }
        for _ in 0..60 {
            while let Some((agent, order)) = self.pick(played, 0).await {
                if well {
                    self.succeed(played, &agent, &order).await;
                } else {
                    played.report(&agent, &order, failure()).await;
                }
                self.check(played).await;
            }
            played.pass(3_700);
            played.tick().await;
            self.check(played).await;
        }
        for request in &self.requests {
            let id = crate::testing::id(*request);
            assert_eq!(
                self.answered.get(&id),
                Some(&1),
                "request {request} was never answered"
            );
        }
        for node in nodes(played.database).await {
            let rests = match node.state {
                NodeState::Ready | NodeState::Failed => true,
                NodeState::Reserved => self.set_aside.contains(&node.hostname),
                // More than the fill level says are not installed.
                NodeState::Unused => {
                    self.set_aside.contains(&node.hostname) || self.setting.fill_level.is_some()
                }
                _ => false,
            };
            assert!(rests, "{node:?}");
            assert_eq!(node.session, None);
        }
        assert!(live(played.database).await.is_empty());
    }
}

async fn play(database: &Database, setting: Setting, happenings: Vec<Happening>, well: bool) {
    let mut played = Played::start(database, &setting.text(), "n[1-4].dusty").await;
    let mut model = Model {
        setting,
        given: Vec::new(),
        requests: Vec::new(),
        sessions: Vec::new(),
        dirty: BTreeSet::new(),
        answered: HashMap::new(),
        set_aside: BTreeSet::new(),
    };
    for happening in happenings {
        model.happens(&mut played, happening).await;
        model.check(&mut played).await;
    }
    model.come_to_rest(&mut played, well).await;
}

fn run(cases: u32, most: usize, play: impl Fn(Setting, Vec<Happening>, bool)) {
    let config = Config {
        cases,
        // A case takes long; shrinking takes many.
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    };
    let happenings = prop::collection::vec(happening(), 0..most);
    TestRunner::new(config)
        .run(
            &(setting(), happenings, any::<bool>()),
            |(setting, happenings, well)| {
                play(setting, happenings, well);
                Ok(())
            },
        )
        .unwrap();
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn whatever_happens_on_sqlite() {
    let runtime = runtime();
    run(48, 60, |setting, happenings, well| {
        runtime.block_on(async {
            let database = DATABASES.sqlite().await.unwrap();
            play(&database.database, setting, happenings, well).await;
        });
    });
}

#[test]
fn whatever_happens_on_postgres() {
    let runtime = runtime();
    run(6, 40, |setting, happenings, well| {
        runtime.block_on(async {
            if let Some(database) = DATABASES.postgres().await.unwrap() {
                play(&database.database, setting, happenings, well).await;
            }
        });
    });
}
