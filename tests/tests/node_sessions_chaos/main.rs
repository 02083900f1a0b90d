//! Two hundred clients get, grow, shrink, keep and give back nodes through HTTP while every part is killed at random: no
//! node is ever in two leases, no quota is exceeded at any time, `/Inventory` is never behind an answer, and in the end,
//! when what is left is closed, every node is ready again.
#![cfg(test)]

mod books;
mod client;
mod site;

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use muster_contract::{
    node_allocation::{ListNodes, NodeState},
    session::{CloseNodeSession, ListNodeSessions, NodeSessionState, SessionReference},
};
use muster_platform::{Ids as _, RandomIds};
use muster_testkit::eventually;
use muster_tests::{System, caller::Caller, killing, on_setup, setup::Setup};
use rand::{SeedableRng as _, rngs::StdRng};
use tokio::{task::JoinSet, time::Instant};

use crate::client::{Client, Tally, Told};

/// Clients at a time.
const CLIENTS: usize = 200;

/// How long the load and the killing last, unless [`SECONDS_VARIABLE`] says something else.
const DURATION: Duration = Duration::from_secs(20);

/// Seconds of load and killing, for a long run.
const SECONDS_VARIABLE: &str = "MUSTER_TEST_CHAOS_SECONDS";

/// Runs one case again: the seed that a failed run has printed.
const SEED_VARIABLE: &str = "MUSTER_TEST_SEED";

/// Until all is at rest again.
const SETTLE_DEADLINE: Duration = Duration::from_mins(2);

/// What has to succeed in spite of it all, so that the test says something.
const LEAST_DONE: usize = 5;

fn duration() -> Result<Duration> {
    match std::env::var(SECONDS_VARIABLE) {
        Ok(seconds) => Ok(Duration::from_secs(
            seconds.parse().context(SECONDS_VARIABLE)?,
        )),
        Err(_) => Ok(DURATION),
    }
}

fn seed() -> Result<u64> {
    match std::env::var(SEED_VARIABLE) {
        Ok(seed) => seed.parse().context(SEED_VARIABLE),
        Err(_) => Ok(RandomIds.next().as_u64_pair().1),
    }
}

#[expect(clippy::print_stderr, reason = "for whoever looks at the test")]
async fn chaos_body(system: &mut System, _setup: Setup) -> Result<()> {
    let (seed, duration) = (seed()?, duration()?);
    eprintln!("{SEED_VARIABLE}={seed}, {duration:?}");
    let told = Arc::new(Told::default());
    let end = Instant::now() + duration;
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let http = system.client("")?;
        let client = Client::new(http, number, seed, told.clone(), end);
        clients.spawn(client.run());
    }
    let kills = killing::until(end, system, StdRng::seed_from_u64(seed)).await?;
    let mut tally = Tally::default();
    while let Some(done) = clients.join_next().await {
        tally += done??;
    }
    eprintln!("{kills:?}; {tally:?}");
    for (what, count) in tally.done() {
        ensure!(count >= LEAST_DONE, "{what}: only {count}, {tally:?}");
    }
    at_rest(&Caller::start(system).await?).await?;
    let books = books::read(system).await?;
    eprintln!("{} leases", books.leases.len());
    books.check()
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
                session: SessionReference::Name(session.id.clone()),
            };
            let _ = caller.send(&session.tenant, &close).await;
        }
        sessions.is_empty().then_some(())
    });
    if let Err(error) = ended.await {
        bail!("{error}: {:#?}", caller.ask(&live).await?.sessions);
    }
    let nodes = async || Ok::<_, anyhow::Error>(caller.ask(&ListNodes::default()).await?.nodes);
    let ready = eventually(SETTLE_DEADLINE, "every node to be ready", async || {
        let nodes = nodes().await.ok()?;
        let ready = nodes.iter().filter(|node| node.state == NodeState::Ready);
        (ready.count() == site::NODES).then_some(())
    });
    match ready.await {
        Ok(()) => Ok(()),
        Err(error) => bail!("{error}: {:#?}", nodes().await?),
    }
}

on_setup!(
    sqlite_in_parts_alone,
    SQLITE_IN_PARTS,
    nodes_under_chaos,
    site::options,
    chaos_body
);
on_setup!(
    postgres_in_parts_alone,
    POSTGRES_IN_PARTS,
    nodes_under_chaos,
    site::options,
    chaos_body
);
