//! The benchmark: Muster beside the same row written directly, in one run on one machine (`just bench`).
//!
//! Absolute rates swing with whatever else a machine does; the figures to quote are the ratios, medians over rounds in which
//! the two take turns, and the processor time per request. See the README for what was measured where.

mod direct;
mod figures;
mod idle;
mod jobs;
mod listing;
mod load;
mod processes;
mod starting;
mod system;

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Measures Muster and prints tables in Markdown.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Seconds that each measurement of a start takes
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Rounds; the median counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Connections
    #[arg(long, default_values_t = [1, 64, 256])]
    connections: Vec<usize>,
    /// Jobs that are there when lists are measured
    #[arg(long, default_value_t = 1_000_000)]
    jobs: u64,
    /// Leave out PostgreSQL
    #[arg(long)]
    sqlite_only: bool,
    /// Only these measurements: idle, start, list
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
        if wanted("start") {
            let plan = starting::Plan {
                duration: Duration::from_secs(arguments.seconds),
                rounds: arguments.rounds,
                connections: arguments.connections.clone(),
            };
            starting::measure(engine, &plan).await?;
        }
        if wanted("list") {
            listing::measure(engine, arguments.jobs).await?;
        }
    }
    Ok(())
}
