//! Clients get, grow, shrink and give back nodes while every part is killed at random: no node is ever in two sessions,
//! and in the end, when what is left is closed, every node is ready again.
#![cfg(test)]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use muster_contract::{
    Outcome,
    node_allocation::{LeasedNode, ListNodes, NodeDemand, NodeSelector, NodeState},
    session::{
        CloseNodeSession, GrowNodeSession, ListNodeSessions, NodeSession, NodeSessionState,
        OpenNodeSession, SessionReference, ShrinkNodeSession,
    },
};
use muster_platform::{Ids as _, RandomIds};
use muster_testkit::eventually;
use muster_tests::{Process, System, SystemOptions, caller::Caller, on_setup, setup::Setup, site};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

const NODES: usize = 24;
const CLIENTS: u64 = 16;

/// How long the load and the killing last.
const DURATION: Duration = Duration::from_secs(15);

/// Between two kills, and from a kill to the next start, in milliseconds.
const PAUSES: std::ops::Range<u64> = 300..1_500;
const OUTAGES: std::ops::Range<u64> = 0..500;

/// Until all is at rest again.
const SETTLE_DEADLINE: Duration = Duration::from_mins(2);

/// Sessions that have to be opened in spite of it all, so that the test says something.
const LEAST_OPENED: usize = 20;

fn options(mut options: SystemOptions) -> SystemOptions {
    options.site_extra.push_str(
        "[[pool]]\nname = \"metal\"\nversion = \"7\"\narch = \"x86_64\"\nlifetime = \"6h\"\n",
    );
    for number in 1..=NODES {
        let node = format!(
            "[[node]]\nhostname = \"n{number}.dusty\"\npool = \"metal\"\nip = \"192.0.2.{number}\"\n"
        );
        options.site_extra.push_str(&node);
    }
    options
}

/// Which session holds which node, as the clients were told.
#[derive(Default)]
struct Held {
    nodes: Mutex<HashMap<i64, String>>,
}

impl Held {
    /// Nodes of a session that has just been answered for.
    fn take(&self, session: &str, nodes: &[LeasedNode]) -> Result<()> {
        let mut held = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        for node in nodes {
            if let Some(other) = held.insert(node.id, session.to_owned())
                && other != session
            {
                bail!("{} is in {session} and in {other}", node.hostname);
            }
        }
        Ok(())
    }

    /// Nodes that are about to be given back.
    fn give_back(&self, nodes: &[LeasedNode]) {
        let mut held = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        for node in nodes {
            held.remove(&node.id);
        }
    }
}

fn demands(count: u32) -> Vec<NodeDemand> {
    vec![NodeDemand {
        selector: NodeSelector::Pool {
            name: "metal".to_owned(),
        },
        minimum: 1,
        maximum: count,
        excluded_hosts: vec![],
    }]
}

fn reference(session: &NodeSession) -> SessionReference {
    SessionReference::Name(session.id.clone())
}

/// One client: how many sessions it opened. What it is not told, it leaves behind.
async fn client(caller: Arc<Caller>, held: Arc<Held>, seed: u64, end: Instant) -> Result<usize> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut opened = 0;
    while Instant::now() < end {
        let open = OpenNodeSession {
            alias: None,
            demands: demands(random.random_range(1..4)),
            wait_until: None,
            job: None,
            rate: None,
        };
        let Ok(outcome) = caller.send(site::ALPHA, &open).await else {
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Outcome::Done(mut session) = outcome else {
            sleep(Duration::from_millis(20)).await;
            continue;
        };
        opened += 1;
        held.take(&session.id, &session.nodes)?;
        if random.random_bool(0.5) {
            let grow = GrowNodeSession {
                session: reference(&session),
                demands: demands(2),
                wait_until: None,
            };
            match caller.send(site::ALPHA, &grow).await {
                Ok(Outcome::Done(grown)) => {
                    held.take(&session.id, &grown.added)?;
                    session = grown.session;
                }
                Ok(Outcome::Refused(_)) => {}
                Err(_) => {
                    held.give_back(&session.nodes);
                    continue;
                }
            }
        }
        if random.random_bool(0.5)
            && let Some(node) = session.nodes.pop()
        {
            held.give_back(std::slice::from_ref(&node));
            let shrink = ShrinkNodeSession {
                session: reference(&session),
                hostname: node.hostname,
            };
            let _ = caller.send(site::ALPHA, &shrink).await;
        }
        held.give_back(&session.nodes);
        // Some never come back for their nodes.
        if random.random_bool(0.95) {
            let close = CloseNodeSession {
                session: reference(&session),
            };
            let _ = caller.send(site::ALPHA, &close).await;
        }
    }
    Ok(opened)
}

async fn kill_at_random(system: &mut System, mut random: StdRng, end: Instant) -> Result<usize> {
    let processes: Vec<Process> = system.names();
    let mut kills = 0;
    while Instant::now() < end {
        sleep(Duration::from_millis(random.random_range(PAUSES))).await;
        let victim = *processes.choose(&mut random).context("no process")?;
        kills += 1;
        system.kill(victim)?;
        sleep(Duration::from_millis(random.random_range(OUTAGES))).await;
        system.start(victim).await?;
    }
    Ok(kills)
}

#[expect(clippy::print_stderr, reason = "for whoever looks at the failed test")]
async fn chaos_body(system: &mut System, _setup: Setup) -> Result<()> {
    let seed = RandomIds.next().as_u64_pair().1;
    let caller = Arc::new(Caller::start(system).await?);
    let held = Arc::new(Held::default());
    let end = Instant::now() + DURATION;
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let seed = seed.wrapping_add(number);
        clients.spawn(client(caller.clone(), held.clone(), seed, end));
    }
    let kills = kill_at_random(system, StdRng::seed_from_u64(seed), end).await?;
    let mut opened = 0;
    while let Some(done) = clients.join_next().await {
        opened += done??;
    }
    eprintln!("seed {seed}: {kills} kills, {opened} sessions opened");
    ensure!(opened >= LEAST_OPENED, "only {opened} sessions were opened");
    at_rest(&caller).await
}

/// Every session comes to its end, and every node is ready then.
async fn at_rest(caller: &Caller) -> Result<()> {
    let live = ListNodeSessions {
        states: vec![
            NodeSessionState::Opening,
            NodeSessionState::Active,
            NodeSessionState::Held,
            NodeSessionState::Closing,
        ],
        limit: 500,
        ..ListNodeSessions::default()
    };
    let ended = eventually(SETTLE_DEADLINE, "every session to end", async || {
        let sessions = caller.ask(&live).await.ok()?.sessions;
        for session in &sessions {
            let close = CloseNodeSession {
                session: reference(session),
            };
            let _ = caller.send(site::ALPHA, &close).await;
        }
        sessions.is_empty().then_some(())
    });
    if let Err(error) = ended.await {
        bail!("{error}: {:#?}", caller.ask(&live).await?.sessions);
    }
    let ready = eventually(SETTLE_DEADLINE, "every node to be ready", async || {
        let nodes = caller.ask(&ListNodes::default()).await.ok()?.nodes;
        let is_ready = |node: &&_| -> bool {
            let node: &muster_contract::node_allocation::Node = node;
            node.state == NodeState::Ready
        };
        (nodes.iter().filter(is_ready).count() == NODES).then_some(())
    });
    if let Err(error) = ready.await {
        bail!(
            "{error}: {:#?}",
            caller.ask(&ListNodes::default()).await?.nodes
        );
    }
    Ok(())
}

on_setup!(
    sqlite_in_parts_alone,
    SQLITE_IN_PARTS,
    nodes_under_chaos,
    options,
    chaos_body
);
on_setup!(
    postgres_in_parts_alone,
    POSTGRES_IN_PARTS,
    nodes_under_chaos,
    options,
    chaos_body
);
