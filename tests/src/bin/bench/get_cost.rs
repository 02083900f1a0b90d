//! What one get and one done cost among ever more nodes.

use std::time::Duration;

use anyhow::Result;

use super::{
    figures::{median, milliseconds},
    lending,
    system::{Database, Engine, Muster},
};

/// Nodes there are.
const NODES: [usize; 4] = [100, 1_000, 10_000, 100_000];

/// Pairs before anything is counted.
const WARM_UP: Duration = Duration::from_secs(1);

/// Prints the medians of one client, and their ratio to those among the fewest nodes.
pub(crate) async fn measure(engine: Engine, rounds: usize, duration: Duration) -> Result<()> {
    println!(
        "One get and one done on {}: one client, {rounds} rounds of {duration:?} in turns, medians\n",
        engine.name()
    );
    let mut running = Vec::new();
    for count in NODES {
        let muster = Muster::with_nodes(Database::new(engine).await?, count).await?;
        lending::borrow(muster.address, 1, WARM_UP).await?;
        running.push((count, muster, Vec::new()));
    }
    for _ in 0..rounds {
        // In turns, so that a slow spell of the machine hits all.
        for (_, muster, samples) in &mut running {
            let borrowed = lending::borrow(muster.address, 1, duration).await?;
            samples.push((borrowed.get().p50, borrowed.done().p50));
        }
    }
    println!(
        "| nodes | get p50 | done p50 | ratio of the pair to {} nodes |",
        NODES[0]
    );
    println!("|---|---|---|---|");
    let mut first = None;
    for (count, _, samples) in &running {
        let get = median(samples.iter().map(|(get, _)| *get).collect());
        let done = median(samples.iter().map(|(_, done)| *done).collect());
        let first = *first.get_or_insert(get + done);
        println!(
            "| {count} | {} | {} | {:.2} |",
            milliseconds(get),
            milliseconds(done),
            (get + done) / first,
        );
    }
    println!();
    Ok(())
}
