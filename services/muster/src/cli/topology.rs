//! `muster topology`: the streams, consumers and permissions that Muster needs on NATS.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use muster_contract::{Part, permissions, topology::streams};
use muster_messaging::topology;
use muster_platform::Settings;

use super::connection::OperatorConnection;
use crate::{agents, nats_keys, parts, producers};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes the streams and consumers, and changes those that differ
    Apply,
    /// Says what differs; exits with 1 if anything does
    Check,
    /// Prints the `authorization` block for nats-server: one user per part, agent and producer. Makes the keys that are missing
    Permissions,
}

pub(crate) async fn run(settings: Settings, command: Command) -> Result<ExitCode> {
    let limits = parts::limits(&settings)?;
    let agents = agents::names(&settings)?;
    match command {
        Command::Apply => {
            let connection = OperatorConnection::open(&settings).await?;
            topology::apply(&connection.broker, &limits, &agents).await?;
            for stream in streams(&limits) {
                println!("{}: in place", stream.name);
            }
        }
        Command::Check => {
            let connection = OperatorConnection::open(&settings).await?;
            let differences = topology::differences(&connection.broker, &limits, &agents).await?;
            for difference in &differences {
                match &difference.found {
                    Some(found) => println!("{}: {found}", difference.stream),
                    None => println!("{}: missing", difference.stream),
                }
            }
            if !differences.is_empty() {
                return Ok(ExitCode::FAILURE);
            }
            println!("all streams are as they should be");
        }
        Command::Permissions => print!("{}", authorization(&settings)?),
    }
    Ok(ExitCode::SUCCESS)
}

/// The `authorization` block with the public keys of this data directory and of the site's agents and producers.
pub(crate) fn authorization(settings: &Settings) -> Result<String> {
    let directory = settings.nats_key_directory();
    let mut keys = Vec::new();
    for part in Part::ALL {
        keys.push((*part, nats_keys::public_key(&directory, *part)?));
    }
    let of_part = |part| {
        let key = keys.iter().find(|(name, _)| *name == part);
        key.map(|(_, key)| key.clone()).unwrap_or_default()
    };
    let agents = agents::public_keys(settings)?;
    let producers = producers::users(settings)?;
    Ok(permissions::server_configuration(
        of_part, &agents, &producers,
    ))
}
