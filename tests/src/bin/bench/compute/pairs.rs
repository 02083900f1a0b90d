//! Sessions that are made, waited for, and ended; and sessions that are there already.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use super::{
    super::{
        figures::milliseconds,
        processes,
        system::{Engine, Muster},
    },
    caller::{AsyncRound, Caller, Seen, go_round},
};

/// Callers at once.
const CALLERS: [usize; 3] = [1, 4, 16];

/// Rounds before anything is counted.
const WARM_UP: Duration = Duration::from_secs(2);

/// A session is made, waited for, and ended.
#[derive(Clone)]
struct Pair;

impl AsyncRound<2> for Pair {
    async fn run(&self, caller: &mut Caller, number: usize, turn: u64) -> Result<[u64; 2]> {
        let name = format!("pair-{number}-{turn}");
        let told = caller.create(&name, json!({})).await?;
        ensure!(told.status == "RUNNING" && told.created, "{told:?}");
        Ok([told.microseconds, caller.destroy(&name).await?])
    }
}

/// A session that is there is asked for.
#[derive(Clone)]
struct Reuse;

impl AsyncRound<1> for Reuse {
    async fn run(&self, caller: &mut Caller, _: usize, _: u64) -> Result<[u64; 1]> {
        let told = caller.create("reused", json!({})).await?;
        ensure!(told.status == "RUNNING" && !told.created, "{told:?}");
        Ok([told.microseconds])
    }
}

/// Prints the tables.
pub(super) async fn measure(engine: Engine, muster: &Muster, duration: Duration) -> Result<()> {
    println!(
        "Compute sessions on {}: POST /session until it runs, and DELETE\n",
        engine.name()
    );
    println!("| callers | pairs/s | create p50 / p99 | destroy p50 / p99 | processor µs/pair |");
    println!("|---|---|---|---|---|");
    for callers in CALLERS {
        go_round(muster.address, callers, WARM_UP, Pair).await?;
        let serving = muster.processes();
        let before = processes::processor_seconds(&serving)?;
        let seen = go_round(muster.address, callers, duration, Pair).await?;
        let used = processes::processor_seconds(&serving)? - before;
        println!(
            "| {callers} | **{:.0}** | {} | {} | {:.0} |",
            seen.rate(),
            both(&seen, 0),
            both(&seen, 1),
            used * 1_000_000.0 / (seen.rate() * seen.elapsed.as_secs_f64()),
        );
    }
    println!(
        "\nOf a session that is there\n\n| callers | POST /session/s | p50 / p99 |\n|---|---|---|"
    );
    let mut caller = Caller::open(muster.address).await?;
    caller.create("reused", json!({})).await?;
    for callers in CALLERS {
        let seen = go_round(muster.address, callers, duration, Reuse).await?;
        println!(
            "| {callers} | **{:.0}** | {} |",
            seen.rate(),
            both(&seen, 0)
        );
    }
    println!();
    caller.destroy("reused").await.map(|_| ())
}

/// Two quantiles of a step.
pub(super) fn both(seen: &Seen, step: usize) -> String {
    format!(
        "{} / {}",
        milliseconds(seen.quantile(step, 0.5)),
        milliseconds(seen.quantile(step, 0.99))
    )
}
