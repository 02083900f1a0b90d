//! The benchmark: Muster beside the same row written directly, lists, the lending of nodes, job sessions, and compute sessions, on one machine
//! (`just bench`).
//!
//! Absolute rates swing with whatever else a machine does; the figures to quote are the ratios, medians over rounds in which
//! the two take turns, and the processor time per request. See the README for what was measured where.

mod archive;
mod archive_api;
mod compute;
mod direct;
mod figures;
mod freezer;
mod get_cost;
mod idle;
mod inventory;
mod jobs;
mod lending;
mod listing;
mod load;
mod metrics;
mod pairs;
mod processes;
mod starting;
mod system;
mod tracing;

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Measures Muster and prints tables in Markdown.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Seconds that each measurement takes
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Rounds; the median counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Connections of those that start jobs
    #[arg(long, default_values_t = [1, 64, 256])]
    connections: Vec<usize>,
    /// Clients that get nodes and give them back
    #[arg(long, default_values_t = [1, 16, 64])]
    clients: Vec<usize>,
    /// Jobs that are there when lists are measured
    #[arg(long, default_value_t = 1_000_000)]
    jobs: u64,
    /// Jobs that are there when pages anywhere in a list are measured
    #[arg(long, value_delimiter = ',', default_values_t = [1_000_000, 10_000_000])]
    archive_jobs: Vec<u64>,
    /// Compute sessions that are over when lists of them are measured
    #[arg(long, default_value_t = 100_000)]
    sessions: usize,
    /// Leave out PostgreSQL
    #[arg(long)]
    sqlite_only: bool,
    /// Only these measurements: idle, start, list, pairs, inventory, get-cost, freezer-lists, freezer-runs, compute, graphql, metrics,
    /// archive-import, archiving, archive-pairs, archive-pages, tracing
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The server that Muster is compared with (started by the benchmark itself)
    Direct {
        /// SQLite file; PostgreSQL's URL is taken from the environment
        #[arg(long)]
        sqlite: Option<PathBuf>,
    },
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(Command::Direct { sqlite }) = arguments.command {
        return direct::serve(sqlite).await;
    }
    let wanted =
        |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|only| only == name);
    println!("{}\n", processes::machine()?);
    if wanted("idle") {
        idle::measure().await?;
    }
    for engine in system::Engine::available(arguments.sqlite_only) {
        let duration = Duration::from_secs(arguments.seconds);
        if wanted("start") {
            let plan = starting::Plan {
                duration,
                rounds: arguments.rounds,
                connections: arguments.connections.clone(),
            };
            starting::measure(engine, &plan).await?;
        }
        if wanted("tracing") {
            tracing::measure(engine, arguments.rounds, duration).await?;
        }
        if wanted("list") {
            listing::measure(engine, arguments.jobs).await?;
        }
        if wanted("archive-pairs") {
            archive_api::pairs(engine, &arguments.connections, arguments.rounds, duration).await?;
        }
        if wanted("archive-pages") {
            archive_api::pages(engine, &arguments.archive_jobs, duration).await?;
        }
        if wanted("pairs") {
            pairs::measure(engine, &arguments.clients, arguments.rounds, duration).await?;
        }
        if wanted("inventory") {
            inventory::measure(engine, duration).await?;
        }
        if wanted("get-cost") {
            get_cost::measure(engine, arguments.rounds, duration).await?;
        }
        if wanted("freezer-lists") {
            freezer::lists(engine, duration).await?;
        }
        if wanted("freezer-runs") {
            freezer::runs(engine, duration).await?;
        }
        if wanted("metrics") {
            metrics::measure(engine, &arguments.clients, arguments.rounds, duration).await?;
        }
        if wanted("archive-import") {
            archive::import(engine).await?;
        }
        if wanted("archiving") {
            archive::archiving(engine).await?;
        }
        if wanted("compute") {
            compute::measure(engine, duration, arguments.sessions).await?;
        }
        if wanted("graphql") {
            compute::lists(engine, duration, arguments.sessions).await?;
        }
    }
    Ok(())
}
