//! `muster pool`: the pools and how full they are.

use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Subcommand;
use muster_contract::node_allocation::{ListPools, NodeState, Pool};
use muster_platform::Settings;

use super::{
    connection::OperatorConnection,
    tables::{Listing, or_dash, plain_table, say},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists pools, by name
    List {
        /// As JSON, one object per line
        #[arg(long)]
        json: bool,
    },
    /// Shows one pool, with how many of its nodes are in each state
    Show {
        /// Its name
        name: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

pub(crate) async fn run(settings: Settings, command: Command) -> Result<()> {
    let connection = OperatorConnection::open(&settings).await?;
    let pools = connection.ask(&ListPools {}).await?.pools;
    match command {
        Command::List { json } => list(&pools, json),
        Command::Show { name, json } => {
            let pool = pools.iter().find(|pool| pool.name == name);
            let pool = pool.with_context(|| format!("there is no pool {name}"))?;
            show(pool, json)
        }
    }
}

fn list(pools: &[Pool], json: bool) -> Result<()> {
    let columns = [
        "POOL",
        "VERSION",
        "ARCH",
        "FLAVOR",
        "FILL LEVEL",
        "READY",
        "DEPLOYED",
        "OTHER",
        "LIFETIME",
        "MAXIMUM",
    ];
    let mut listing = Listing::new(json, columns);
    for pool in pools {
        listing.add(pool, || cells(pool))?;
    }
    listing.finish()
}

fn show(pool: &Pool, json: bool) -> Result<()> {
    if json {
        return say(&serde_json::to_string_pretty(pool)?);
    }
    let mut table = plain_table();
    for (name, value) in [
        ("name", pool.name.clone()),
        ("version", pool.version.clone()),
        ("architecture", pool.architecture.clone()),
        ("flavor", or_dash(pool.flavor.as_ref())),
        ("fill level", pool.fill_level.to_string()),
        ("lifetime", lifetime(pool.lifetime)),
        ("maximum", lifetime(pool.maximum_lifetime)),
    ] {
        table.add_row([name, &value]);
    }
    say(&table.trim_fmt())?;
    say("")?;
    let mut levels = Listing::new(false, ["STATE", "NODES"]);
    for (state, nodes) in pool.levels.iter().filter(|(_, nodes)| **nodes > 0) {
        levels.add(nodes, || [state.name().to_owned(), nodes.to_string()])?;
    }
    levels.finish()
}

fn cells(pool: &Pool) -> [String; 10] {
    let level = |state| pool.levels.get(&state).copied().unwrap_or(0);
    let (ready, deployed) = (level(NodeState::Ready), level(NodeState::Deployed));
    let other = pool.levels.values().sum::<i64>() - ready - deployed;
    [
        pool.name.clone(),
        pool.version.clone(),
        pool.architecture.clone(),
        or_dash(pool.flavor.as_ref()),
        pool.fill_level.to_string(),
        ready.to_string(),
        deployed.to_string(),
        other.to_string(),
        lifetime(pool.lifetime),
        lifetime(pool.maximum_lifetime),
    ]
}

fn lifetime(seconds: Option<i64>) -> String {
    let known = seconds.and_then(|seconds| u64::try_from(seconds).ok());
    known.map_or_else(
        || "never ends".to_owned(),
        |seconds| humantime::format_duration(Duration::from_secs(seconds)).to_string(),
    )
}
