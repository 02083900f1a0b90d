//! Starts and ends: each start begins a run, and each end is the end of one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use hdrhistogram::Histogram;
use hyper::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::{
    super::{
        figures::milliseconds,
        load::{Connection, histogram, quantile},
        processes,
        system::{Engine, TOKEN},
    },
    CONNECTIONS, Muster, WARM_UP,
    furniture::{self, Furnished, PREFIX},
};

/// Sessions of one job: so many that none is started again within the second that belongs to its run.
const SESSIONS: usize = 4_000;

/// Prints the table.
pub(super) async fn measure(engine: Engine, muster: &Muster, duration: Duration) -> Result<()> {
    let made = furniture::furnish(muster.address, SESSIONS, 1, 0).await?;
    println!(
        "Runs of job sessions on {}: {SESSIONS} sessions of one job, {CONNECTIONS} connections\n\n\
         | request | requests/s | p50 | p99 | processor µs/request |\n|---|---|---|---|---|",
        engine.name(),
    );
    let mut places: Vec<Place> = made.into_iter().map(Place::new).collect();
    run(muster, &mut places, WARM_UP).await?;
    let serving = muster.processes();
    let before = processes::processor_seconds(&serving)?;
    let seen = run(muster, &mut places, duration).await?;
    let used = processes::processor_seconds(&serving)? - before;
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 requests")]
    let pairs = seen.start.len() as f64;
    let rate = pairs / seen.elapsed.as_secs_f64();
    for (name, latencies) in [("start", &seen.start), ("end", &seen.end)] {
        println!(
            "| {name} | {rate:.0} | {} | {} | |",
            milliseconds(quantile(latencies, 0.5)),
            milliseconds(quantile(latencies, 0.99)),
        );
    }
    println!(
        "| both, one after the other | **{:.0}** | | | {:.0} |\n",
        rate * 2.0,
        used * 1_000_000.0 / pairs / 2.0,
    );
    if seen.held_off > 0 {
        println!(
            "{} starts came within the second and were not counted\n",
            seen.held_off
        );
    }
    Ok(())
}

/// A session with the tag of its last run.
struct Place {
    of: Furnished,
    tag: i64,
}

impl Place {
    fn new(of: Furnished) -> Self {
        Self { of, tag: 0 }
    }
}

struct Seen {
    start: Histogram<u64>,
    end: Histogram<u64>,
    held_off: u64,
    elapsed: Duration,
}

/// Each connection has its share of the sessions and goes round.
async fn run(muster: &Muster, places: &mut Vec<Place>, duration: Duration) -> Result<Seen> {
    let stop = Arc::new(AtomicBool::new(false));
    let held_off = Arc::new(AtomicU64::new(0));
    let share = places.len().div_ceil(CONNECTIONS);
    let started = Instant::now();
    let mut tasks = Vec::new();
    while !places.is_empty() {
        let own = places.split_off(places.len().saturating_sub(share));
        let (stop, held_off, address) = (stop.clone(), held_off.clone(), muster.address);
        tasks.push(tokio::spawn(async move {
            let connection = Connection::open(address).await?;
            one_connection(connection, own, &stop, &held_off).await
        }));
    }
    tokio::time::sleep(duration).await;
    stop.store(true, Ordering::Relaxed);
    let mut seen = Seen {
        start: histogram()?,
        end: histogram()?,
        held_off: 0,
        elapsed: Duration::ZERO,
    };
    for task in tasks {
        let (own, start, end) = task.await??;
        places.extend(own);
        seen.start.add(start)?;
        seen.end.add(end)?;
    }
    seen.elapsed = started.elapsed();
    seen.held_off = held_off.load(Ordering::Relaxed);
    Ok(seen)
}

async fn one_connection(
    mut connection: Connection,
    mut own: Vec<Place>,
    stop: &AtomicBool,
    held_off: &AtomicU64,
) -> Result<(Vec<Place>, Histogram<u64>, Histogram<u64>)> {
    let (mut starts, mut ends) = (histogram()?, histogram()?);
    // It goes on where it was: the oldest comes first.
    let mut done = 0;
    'all: loop {
        for place in &mut own {
            if stop.load(Ordering::Relaxed) {
                break 'all;
            }
            done += 1;
            let start = json!({ "start": { "job_id": place.of.job, "current_tag": place.tag } });
            let (said, took) = act(&mut connection, &place.of.session, start.to_string()).await?;
            if said.result != "success" {
                held_off.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            place.tag = said.session_tag;
            starts.record(took)?;
            let end = json!({ "end": {
                "job_id": place.of.job, "current_tag": place.tag, "result": "success",
            } });
            let (said, took) = act(&mut connection, &place.of.session, end.to_string()).await?;
            ensure!(said.result == "success", "{}", said.result);
            ends.record(took)?;
        }
    }
    let turn = done % own.len().max(1);
    own.rotate_left(turn);
    Ok((own, starts, ends))
}

#[derive(Deserialize)]
struct Said {
    result: String,
    session_tag: i64,
}

async fn act(connection: &mut Connection, session: &str, body: String) -> Result<(Said, u64)> {
    let path = format!("{PREFIX}/sessions/{session}/action");
    let answer = connection.send("POST", path, body, TOKEN).await?;
    let text = String::from_utf8_lossy(&answer.body);
    ensure!(
        answer.status == StatusCode::ACCEPTED,
        "{}: {text}",
        answer.status
    );
    Ok((serde_json::from_slice(&answer.body)?, answer.microseconds))
}
