//! What traces cost: `start_job` with tracing off, of one request in a hundred, and of all, in turns.

use std::time::Duration;

use anyhow::Result;
use muster_testkit::OtlpReceiver;

use super::{
    figures::median,
    starting::{Sample, sample},
    system::{Database, Engine, Muster},
};

/// Connections: enough for batches, so that what is measured is the work and not the waiting.
const CONNECTIONS: usize = 64;

/// How traces are recorded: a name, and the share of all if they are.
const SETTINGS: [(&str, Option<&str>); 3] =
    [("off", None), ("1 %", Some("0.01")), ("100 %", Some("1.0"))];

/// Prints the table of one engine. What is sent is taken by a receiver in this process, which costs the machine as a collector on it
/// would, but none of the processor time that is told.
pub(crate) async fn measure(engine: Engine, rounds: usize, duration: Duration) -> Result<()> {
    println!(
        "start_job on {}, {CONNECTIONS} connections, {rounds} rounds of {duration:?} in turns, medians\n",
        engine.name()
    );
    println!(
        "| traces | requests/s | processor µs/request | requests/s compared with off (min-max) |"
    );
    println!("|---|---|---|---|");
    let mut samples: [Vec<Sample>; 3] = Default::default();
    for _ in 0..rounds {
        for ((_, ratio), samples) in SETTINGS.iter().zip(&mut samples) {
            samples.push(round(engine, *ratio, duration).await?);
        }
    }
    let [off, ..] = &samples;
    for ((name, _), with) in SETTINGS.iter().zip(&samples) {
        let ratios: Vec<f64> = with
            .iter()
            .zip(off)
            .map(|(with, off)| with.rate / off.rate)
            .collect();
        let lowest = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = ratios.iter().copied().fold(0.0, f64::max);
        println!(
            "| {name} | {:.0} | {:.0} | {:.2} ({lowest:.2}-{highest:.2}) |",
            median(with.iter().map(|sample| sample.rate).collect()),
            median(with.iter().map(|sample| sample.processor).collect()),
            median(ratios),
        );
    }
    println!();
    Ok(())
}

async fn round(engine: Engine, ratio: Option<&str>, duration: Duration) -> Result<Sample> {
    let receiver = OtlpReceiver::start()?;
    let endpoint = receiver.endpoint();
    let settings: Vec<(&str, &str)> = ratio
        .map(|ratio| {
            vec![
                ("MUSTER__TELEMETRY__OTLP_ENDPOINT", endpoint.as_str()),
                ("MUSTER__TELEMETRY__SAMPLING_RATIO", ratio),
            ]
        })
        .unwrap_or_default();
    let muster = Muster::with_settings(Database::new(engine).await?, &settings).await?;
    sample(muster.address, &muster.processes(), CONNECTIONS, duration).await
}
