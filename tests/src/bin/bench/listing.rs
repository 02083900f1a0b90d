//! Lists of jobs where there are many.

use std::{sync::Arc, sync::atomic::AtomicU64, sync::atomic::Ordering, time::Duration};

use anyhow::Result;
use hyper::StatusCode;
use muster_storage::{Database as Storage, Location, StorageOptions};

use super::{
    direct,
    figures::milliseconds,
    jobs,
    load::{self, NextRequest, Sender},
    system::{Database, Engine, Muster, TOKEN, write_site},
};

/// Connections that list at once.
const CONNECTIONS: usize = 4;

/// How long.
const DURATION: Duration = Duration::from_secs(8);

/// Warm-up, in which the pages come into the cache.
const WARM_UP: Duration = Duration::from_secs(3);

/// Seconds that each list's time range has: about a tenth of all jobs.
const RANGE: u64 = 100_000;

/// Fills a table, starts Muster on it and prints the latencies.
pub(crate) async fn measure(engine: Engine, count: u64) -> Result<()> {
    let database = Database::new(engine).await?;
    let directory = muster_testkit::TemporaryDirectory::new("bench-list")?;
    write_site(&directory)?;
    let location = match &database {
        Database::Sqlite => Location::Sqlite(directory.path().join("data/job-archive.sqlite")),
        Database::Postgres { url, .. } => Location::Postgres {
            url: url.clone(),
            schema: "job_archive".to_owned(),
        },
    };
    let storage = Storage::open(
        &StorageOptions::new(location),
        &muster_job_archive::MIGRATIONS,
    )
    .await?;
    direct::preload(&storage, count).await?;
    storage.close().await;

    let muster = Muster::start_in(directory, database).await?;
    println!(
        "GET /api/jobs/ on {}: {count} jobs, {CONNECTIONS} connections\n",
        engine.name()
    );
    println!("| list | requests/s | p50 | p99 |");
    println!("|---|---|---|---|");
    let turn = Arc::new(AtomicU64::new(0));
    let ranged = move |states: &'static str| {
        let turn = turn.clone();
        Arc::new(move || {
            let from = direct::FIRST_START.unsigned_abs()
                + turn.fetch_add(7_919, Ordering::Relaxed) % count.saturating_sub(RANGE).max(1);
            let path = format!(
                "/api/jobs/?{states}cluster={}&start-time={from}-{}&items-per-page=25",
                jobs::CLUSTER,
                from + RANGE
            );
            ("GET", path, String::new())
        }) as NextRequest
    };
    let running = Arc::new(|| {
        (
            "GET",
            "/api/jobs/?state=running&items-per-page=25".to_owned(),
            String::new(),
        )
    });
    let shapes: [(&str, NextRequest); 3] = [
        (
            "25 by state, cluster and time range",
            ranged("state=completed&"),
        ),
        (
            "25 by two states, cluster and time range",
            ranged("state=completed&state=failed&"),
        ),
        ("25 running", running),
    ];
    for (name, next) in shapes {
        let sender = Sender {
            address: muster.address,
            token: TOKEN.to_owned(),
            expected: StatusCode::OK,
            next,
        };
        load::run(&sender, CONNECTIONS, WARM_UP).await?;
        let measured = load::run(&sender, CONNECTIONS, DURATION).await?;
        println!(
            "| {name} | {:.0} | {} | {} |",
            measured.rate(),
            milliseconds(measured.quantile(0.5)),
            milliseconds(measured.quantile(0.99)),
        );
    }
    println!();
    Ok(())
}
