//! Pages of 25 jobs anywhere in a long list.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use hyper::StatusCode;
use muster_storage::{Database as Storage, Location, StorageOptions};

use super::super::{
    direct,
    figures::milliseconds,
    jobs,
    load::{self, NextRequest, Sender},
    system::{Database, Engine, Muster, TOKEN, write_site},
};

/// Connections that list at once.
const CONNECTIONS: usize = 4;

/// Warm-up, in which the pages of the table come into the cache and the list is surveyed.
const WARM_UP: Duration = Duration::from_secs(20);

/// Jobs on a page.
const PAGE: u64 = 25;

/// An odd number far from any power of two: multiples of it, modulo the number of pages, are all over the list.
const STRIDE: u64 = 1_299_709;

/// Fills a table with each number of jobs, starts Muster on it and prints the latencies.
pub(crate) async fn measure(engine: Engine, counts: &[u64], duration: Duration) -> Result<()> {
    println!(
        "Pages of {PAGE} anywhere in GET /api/jobs/ on {}, {CONNECTIONS} connections\n",
        engine.name()
    );
    println!("| jobs | list | requests/s | p50 | p99 |");
    println!("|---|---|---|---|---|");
    for count in counts {
        one_size(engine, *count, duration).await?;
    }
    println!();
    Ok(())
}

async fn one_size(engine: Engine, count: u64, duration: Duration) -> Result<()> {
    let database = Database::new(engine).await?;
    let directory = muster_testkit::TemporaryDirectory::new("bench-pages")?;
    write_site(&directory)?;
    let location = match &database {
        Database::Sqlite => Location::Sqlite(directory.path().join("data/job-archive.sqlite")),
        Database::Postgres { url, .. } => Location::Postgres {
            url: url.clone(),
            schema: "job_archive".to_owned(),
        },
    };
    let options = StorageOptions::new(location);
    let storage = Storage::open(&options, &muster_job_archive::MIGRATIONS).await?;
    direct::preload(&storage, count).await?;
    storage.close().await;
    let muster = Muster::start_in(directory, database).await?;
    let cluster = format!("cluster={}&", jobs::CLUSTER);
    for (name, conditions) in [
        ("all", String::new()),
        ("of a cluster", cluster.clone()),
        (
            "of a cluster, completed",
            format!("{cluster}state=completed&"),
        ),
    ] {
        let turn = Arc::new(AtomicU64::new(0));
        // Of those that have completed there are fewer than all.
        let pages = (count * 9 / 10 / PAGE).max(1);
        let next: NextRequest = Arc::new(move || {
            let page = turn.fetch_add(1, Ordering::Relaxed).wrapping_mul(STRIDE) % pages + 1;
            let path = format!("/api/jobs/?{conditions}items-per-page={PAGE}&page={page}");
            ("GET", path, String::new())
        });
        let sender = Sender {
            address: muster.address,
            token: TOKEN.to_owned(),
            expected: StatusCode::OK,
            next,
        };
        load::run(&sender, CONNECTIONS, WARM_UP).await?;
        let measured = load::run(&sender, CONNECTIONS, duration).await?;
        println!(
            "| {count} | {name} | {:.0} | {} | {} |",
            measured.rate(),
            milliseconds(measured.quantile(0.5)),
            milliseconds(measured.quantile(0.99)),
        );
    }
    Ok(())
}
