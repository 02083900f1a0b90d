//! Metric samples: how many a second are acknowledged over HTTP, and how soon the archive has them in its tables.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use hyper::StatusCode;
use muster_tests::token;

use super::{
    figures::{median, milliseconds},
    jobs,
    load::{self, Sender},
    system::{Database, Engine, Muster, TOKEN},
};

/// Samples of a request: what cc-metric-collector sends of a node with 72 hardware threads at once.
const SAMPLES: u64 = 500;

/// Nodes that they are of.
const NODES: u64 = 1_000;

/// Requests before anything is counted.
const WARM_UP: Duration = Duration::from_secs(2);

/// How long the archive may take to have them all.
const DRAIN: Duration = Duration::from_mins(2);

/// Prints the table of one engine.
pub(crate) async fn measure(
    engine: Engine,
    connections: &[usize],
    rounds: usize,
    duration: Duration,
) -> Result<()> {
    println!(
        "metric samples on {}, {SAMPLES} in a request, of {NODES} nodes, {rounds} rounds of {duration:?}, medians\n",
        engine.name()
    );
    println!("| connections | samples/s acknowledged | p50 | p99 | samples/s in the tables |");
    println!("|---|---|---|---|---|");
    for connections in connections {
        let (mut acknowledged, mut stored) = (Vec::new(), Vec::new());
        let (mut p50, mut p99) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let muster = Muster::start(Database::new(engine).await?).await?;
            let sender = sender(&muster);
            load::run(&sender, *connections, WARM_UP).await?;
            let started = Instant::now();
            let measured = load::run(&sender, *connections, duration).await?;
            #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 samples")]
            let samples = (measured.requests * SAMPLES) as f64;
            acknowledged.push(measured.rate() * f64::from(u32::try_from(SAMPLES)?));
            p50.push(measured.quantile(0.5));
            p99.push(measured.quantile(0.99));
            drained(&muster).await?;
            stored.push(samples / started.elapsed().as_secs_f64());
        }
        println!(
            "| {connections} | {:.0} | {} | {} | {:.0} |",
            median(acknowledged),
            milliseconds(median(p50)),
            milliseconds(median(p99)),
            median(stored)
        );
    }
    println!();
    Ok(())
}

fn sender(muster: &Muster) -> Sender {
    let number = Arc::new(AtomicU64::new(0));
    Sender {
        address: muster.address,
        token: TOKEN.to_owned(),
        expected: StatusCode::OK,
        next: Arc::new(move || {
            let number = number.fetch_add(1, Ordering::Relaxed);
            ("POST", "/api/write".to_owned(), lines(number))
        }),
    }
}

/// What one node measures at one moment.
fn lines(number: u64) -> String {
    let (node, cluster) = (number % NODES, jobs::CLUSTER);
    let time = token::now();
    let threads = 72;
    let lines = (0..SAMPLES).map(|sample| {
        let (metric, thread) = (sample / threads, sample % threads);
        let value = (number * 31 + sample * 17) % 10_000;
        format!(
            "metric{metric},cluster={cluster},hostname=n{node:04},type=hwthread,type-id={thread} value={}.{:02} {time}",
            value / 100,
            value % 100
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Waits until the stream is empty.
async fn drained(muster: &Muster) -> Result<()> {
    let read = |name: &str| std::fs::read_to_string(muster.data().join("nats").join(name));
    let options = async_nats::ConnectOptions::with_nkey(read("operator.nk")?.trim().to_owned());
    let client = options
        .connect(format!("nats://{}", read("address")?.trim()))
        .await?;
    let stream = async_nats::jetstream::new(client)
        .get_stream("MUSTER_METRICS")
        .await?;
    let until = Instant::now() + DRAIN;
    while stream.get_info().await?.state.messages > 0 {
        if Instant::now() > until {
            bail!("the archive does not have all samples after {DRAIN:?}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
