//! Doing nothing: memory, and how soon everything is ready.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::{
    figures::{median, seconds},
    processes,
    system::{Database, Engine, Muster},
};

/// Starts that are timed.
const STARTS: usize = 5;

/// How long it is left alone before its memory is looked at.
const SETTLE: Duration = Duration::from_secs(2);

/// Prints what was measured.
pub(crate) async fn measure() -> Result<()> {
    let mut times = Vec::new();
    let mut memory = 0;
    for _ in 0..STARTS {
        let started = Instant::now();
        let muster = Muster::start(Database::new(Engine::Sqlite).await?).await?;
        times.push(seconds(started.elapsed()));
        tokio::time::sleep(SETTLE).await;
        memory = processes::resident_bytes(&muster.processes())?;
    }
    println!(
        "Idle: {} MiB resident in all, broker included; ready {:.2} s after its start (median of {STARTS}, fresh data directory)\n",
        memory / 1024 / 1024,
        median(times)
    );
    Ok(())
}
