//! `/Node/get` and `/Node/done` through everything: pairs a second.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::{
    figures::{median, milliseconds},
    lending::{self, Borrowed, Quantiles},
    processes,
    system::{Database, Engine, Muster},
};

/// Nodes there are.
const NODES: usize = 1_000;

/// Pairs before anything is counted.
const WARM_UP: Duration = Duration::from_secs(2);

struct Sample {
    borrowed: Borrowed,
    /// Processor microseconds per pair, of everything that serves.
    processor: f64,
}

/// Prints the table of one engine.
pub(crate) async fn measure(
    engine: Engine,
    clients: &[usize],
    rounds: usize,
    duration: Duration,
) -> Result<()> {
    println!(
        "/Node/get and /Node/done on {}: {NODES} nodes, {rounds} rounds of {duration:?}, medians (pairs/s: minimum and maximum too)\n",
        engine.name()
    );
    println!(
        "| clients | pairs/s | get p50 / p99 | done p50 / p99 | pair p50 / p99 | processor µs/pair |"
    );
    println!("|---|---|---|---|---|---|");
    for clients in clients {
        let mut samples = Vec::new();
        for _ in 0..rounds {
            samples.push(round(engine, *clients, duration).await?);
        }
        println!("{}", row(*clients, &samples));
    }
    println!();
    Ok(())
}

async fn round(engine: Engine, clients: usize, duration: Duration) -> Result<Sample> {
    let muster = Muster::with_nodes(Database::new(engine).await?, NODES).await?;
    lending::borrow(muster.address, clients, WARM_UP).await?;
    let serving = muster.processes();
    let before = processes::processor_seconds(&serving)?;
    let borrowed = lending::borrow(muster.address, clients, duration).await?;
    let used = processes::processor_seconds(&serving)? - before;
    ensure!(borrowed.pairs > 0, "nothing was lent");
    let pairs = borrowed.rate() * borrowed.elapsed.as_secs_f64();
    Ok(Sample {
        borrowed,
        processor: used * 1_000_000.0 / pairs,
    })
}

fn row(clients: usize, samples: &[Sample]) -> String {
    let of = |value: &dyn Fn(&Sample) -> f64| median(samples.iter().map(value).collect());
    let both = |what: fn(&Borrowed) -> Quantiles| {
        format!(
            "{} / {}",
            milliseconds(of(&|sample| what(&sample.borrowed).p50)),
            milliseconds(of(&|sample| what(&sample.borrowed).p99)),
        )
    };
    let rates = samples.iter().map(|sample| sample.borrowed.rate());
    let lowest = rates.clone().fold(f64::INFINITY, f64::min);
    let highest = rates.fold(0.0, f64::max);
    format!(
        "| {clients} | **{:.0}** ({lowest:.0}-{highest:.0}) | {} | {} | {} | {:.0} |",
        of(&|sample| sample.borrowed.rate()),
        both(Borrowed::get),
        both(Borrowed::done),
        both(Borrowed::pair),
        of(&|sample| sample.processor),
    )
}
