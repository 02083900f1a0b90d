//! Sessions that are only queued, and how long four hundred of them take to run once there is room.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use muster_testkit::eventually;
use serde_json::json;

use super::{
    super::{
        figures::seconds,
        system::{Engine, Muster},
    },
    caller::{AsyncRound, Caller, go_round},
    pairs::both,
    start_agent,
};

/// Sessions that wait, as in the measurement of the original.
const QUEUED: usize = 400;

/// Callers at once.
const CALLERS: usize = 16;

/// How long they may take to run.
const PATIENCE: Duration = Duration::from_mins(2);

/// A session is queued.
#[derive(Clone)]
struct Enqueue;

impl AsyncRound<1> for Enqueue {
    async fn run(&self, caller: &mut Caller, number: usize, turn: u64) -> Result<[u64; 1]> {
        let name = format!("queued-{number}-{turn}");
        let told = caller.create(&name, json!({ "enqueueOnly": true })).await?;
        ensure!(told.created, "{told:?}");
        Ok([told.microseconds])
    }
}

/// Prints both.
pub(super) async fn measure(engine: Engine, muster: &Muster, duration: Duration) -> Result<()> {
    let mut caller = Caller::open(muster.address).await?;
    for number in 0..QUEUED {
        let name = format!("waits-{number}");
        let told = caller.create(&name, json!({ "enqueueOnly": true })).await?;
        ensure!(told.status == "PENDING", "{told:?}");
    }
    let began = Instant::now();
    let agent = start_agent(muster, "1000000").await?;
    eventually(PATIENCE, "all of them to run", async || {
        (agent.running().len() == QUEUED).then_some(())
    })
    .await?;
    println!(
        "Compute sessions on {}: {QUEUED} that wait for an agent have started {:.2} s after its first word\n",
        engine.name(),
        seconds(began.elapsed())
    );
    let seen = go_round(muster.address, CALLERS, duration, Enqueue).await?;
    println!("| callers | POST /session, enqueueOnly/s | p50 / p99 |\n|---|---|---|");
    println!(
        "| {CALLERS} | **{:.0}** | {} |\n",
        seen.rate(),
        both(&seen, 0)
    );
    agent.check()
}
