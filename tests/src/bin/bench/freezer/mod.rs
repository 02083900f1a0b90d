//! Job sessions, in the load that the original was measured with (`api/freezer.md` §6).

mod furniture;
mod lists;
mod runs;

use std::time::Duration;

use anyhow::Result;
use hyper::StatusCode;

use super::{
    figures::milliseconds,
    load::{self, NextRequest, Sender},
    processes,
    system::{Database, Engine, Muster, TOKEN},
};

/// Connections that send at once.
const CONNECTIONS: usize = 8;

/// Before anything is counted.
const WARM_UP: Duration = Duration::from_secs(1);

/// The table's head.
const HEAD: &str =
    "| request | requests/s | p50 | p99 | processor µs/request |\n|---|---|---|---|---|";

/// Lists and creations, with 100 sessions and 200 jobs.
pub(crate) async fn lists(engine: Engine, duration: Duration) -> Result<()> {
    let muster = Muster::start(Database::new(engine).await?).await?;
    lists::measure(engine, &muster, duration).await
}

/// Starts and ends.
pub(crate) async fn runs(engine: Engine, duration: Duration) -> Result<()> {
    let muster = Muster::start(Database::new(engine).await?).await?;
    runs::measure(engine, &muster, duration).await
}

/// Sends one request over and over and prints its row.
async fn row(
    muster: &Muster,
    name: &str,
    expected: StatusCode,
    next: NextRequest,
    duration: Duration,
) -> Result<()> {
    let sender = Sender {
        address: muster.address,
        token: TOKEN.to_owned(),
        expected,
        next,
    };
    load::run(&sender, CONNECTIONS, WARM_UP).await?;
    let serving = muster.processes();
    let before = processes::processor_seconds(&serving)?;
    let measured = load::run(&sender, CONNECTIONS, duration).await?;
    let used = processes::processor_seconds(&serving)? - before;
    let requests = measured.rate() * measured.elapsed.as_secs_f64();
    println!(
        "| {name} | **{:.0}** | {} | {} | {:.0} |",
        measured.rate(),
        milliseconds(measured.quantile(0.5)),
        milliseconds(measured.quantile(0.99)),
        used * 1_000_000.0 / requests,
    );
    Ok(())
}
