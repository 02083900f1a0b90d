//! `start_job` through everything, beside the same row written directly.

use std::{sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use hyper::StatusCode;

use super::{
    figures::{median, milliseconds},
    jobs,
    load::{self, Sender},
    processes,
    system::{Database, Direct, Engine, Muster, TOKEN},
};

/// Requests before anything is counted.
const WARM_UP: Duration = Duration::from_secs(2);

/// What to measure.
pub(crate) struct Plan {
    pub(crate) duration: Duration,
    pub(crate) rounds: usize,
    pub(crate) connections: Vec<usize>,
}

pub(crate) struct Sample {
    pub(crate) rate: f64,
    p50: f64,
    p99: f64,
    /// Processor microseconds per request, of everything that serves.
    pub(crate) processor: f64,
}

/// Prints the table of one engine.
pub(crate) async fn measure(engine: Engine, plan: &Plan) -> Result<()> {
    println!(
        "start_job on {}, {} rounds of {:?}, medians; \"direct\" is an axum handler that writes the same job row in one transaction per request\n",
        engine.name(),
        plan.rounds,
        plan.duration
    );
    println!(
        "| connections | | requests/s | p50 | p99 | processor µs/request | ratio to direct (min-max) |"
    );
    println!("|---|---|---|---|---|---|---|");
    for connections in &plan.connections {
        let (mut ours, mut direct) = (Vec::new(), Vec::new());
        for _ in 0..plan.rounds {
            // In turns, so that a slow spell of the machine hits both.
            direct.push(round_direct(engine, *connections, plan.duration).await?);
            ours.push(round_muster(engine, *connections, plan.duration).await?);
        }
        let ratios: Vec<f64> = ours
            .iter()
            .zip(&direct)
            .map(|(ours, direct)| ours.rate / direct.rate)
            .collect();
        let lowest = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = ratios.iter().copied().fold(0.0, f64::max);
        let ratio = format!("**{:.2}** ({lowest:.2}-{highest:.2})", median(ratios));
        println!("{}", row(*connections, "direct", &direct, "1"));
        println!("{}", row(*connections, "Muster", &ours, &ratio));
    }
    println!();
    Ok(())
}

fn row(connections: usize, name: &str, samples: &[Sample], ratio: &str) -> String {
    let of = |value: fn(&Sample) -> f64| median(samples.iter().map(value).collect());
    format!(
        "| {connections} | {name} | {:.0} | {} | {} | {:.0} | {ratio} |",
        of(|sample| sample.rate),
        milliseconds(of(|sample| sample.p50)),
        milliseconds(of(|sample| sample.p99)),
        of(|sample| sample.processor),
    )
}

async fn round_muster(engine: Engine, connections: usize, duration: Duration) -> Result<Sample> {
    let muster = Muster::start(Database::new(engine).await?).await?;
    sample(muster.address, &muster.processes(), connections, duration).await
}

async fn round_direct(engine: Engine, connections: usize, duration: Duration) -> Result<Sample> {
    let direct = Direct::start(Database::new(engine).await?).await?;
    sample(direct.address, &direct.processes(), connections, duration).await
}

pub(crate) async fn sample(
    address: std::net::SocketAddr,
    serving: &[u32],
    connections: usize,
    duration: Duration,
) -> Result<Sample> {
    let sender = Sender {
        address,
        token: TOKEN.to_owned(),
        expected: StatusCode::CREATED,
        next: Arc::new(|| {
            (
                "POST",
                "/api/jobs/start_job/".to_owned(),
                jobs::next_start(),
            )
        }),
    };
    load::run(&sender, connections, WARM_UP).await?;
    let before = processes::processor_seconds(serving)?;
    let measured = load::run(&sender, connections, duration).await?;
    let used = processes::processor_seconds(serving)? - before;
    ensure!(measured.requests > 0, "nothing was answered");
    let rate = measured.rate();
    Ok(Sample {
        rate,
        p50: measured.quantile(0.5),
        p99: measured.quantile(0.99),
        processor: used * 1_000_000.0 / (rate * measured.elapsed.as_secs_f64()),
    })
}
