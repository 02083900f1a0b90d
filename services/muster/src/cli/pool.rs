//! `muster pool`: the pools and how full they are.

use std::time::Duration;

use anyhow::Result;
use clap::Subcommand;
use muster_contract::node_allocation::{ListPools, NodeState, Pool};
use muster_platform::Settings;

use super::{
    connection::OperatorConnection,
    tables::{Listing, or_dash},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists pools, by name
    List {
        /// As JSON, one object per line
        #[arg(long)]
        json: bool,
    },
}

pub(crate) async fn run(settings: Settings, command: Command) -> Result<()> {
    let connection = OperatorConnection::open(&settings).await?;
    let Command::List { json } = command;
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
    for pool in connection.ask(&ListPools {}).await?.pools {
        listing.add(&pool, || cells(&pool))?;
    }
    listing.finish()
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
