//! The command line.

mod agent;
mod archive;
mod config;
mod connection;
mod dead_letters;
mod key;
mod migrate;
mod node;
mod pool;
mod session;
mod spec;
mod tables;
mod topology;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use muster_contract::Part;
use muster_platform::{
    Settings,
    settings::{Loaded, Override, Sources},
};

use crate::{one_machine, parts};

pub(crate) use tables::NobodyReads;
pub(crate) use topology::authorization;

/// One control plane for compute sites: sessions, nodes and the archive of jobs.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    places: Places,
    #[command(subcommand)]
    command: Command,
}

/// Where things are; for every command.
#[derive(Debug, Args)]
struct Places {
    /// Settings file (default: muster.toml in the current directory, if it is there)
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data directory (setting `data_directory`; default: .muster)
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Site file: projects, principals, clusters (setting `site`)
    #[arg(long, global = true, value_name = "FILE")]
    site: Option<PathBuf>,
    /// Address that HTTP is served on (setting `listen`; default: 127.0.0.1:8080)
    #[arg(long, global = true, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Everything in one process, for one machine, and the agent `local` if the site has one (setting `agent.enabled`)
    Up,
    /// The broker of one machine alone: nats-server with Muster's streams and users
    Broker,
    /// The HTTP ingress alone
    Ingress,
    /// The session service alone; with a sub command: node sessions
    Session {
        #[command(subcommand)]
        command: Option<session::Command>,
    },
    /// Node allocation alone
    NodeAllocation,
    /// The job archive alone
    JobArchive,
    /// An agent: runs containers of compute sessions, and the hooks of nodes and sessions
    Agent {
        /// As the site file calls it (setting `agent.name`)
        #[arg(long)]
        name: Option<String>,
        /// Directory with the programs (setting `agent.hooks_directory`)
        #[arg(long, value_name = "DIR")]
        hooks: Option<PathBuf>,
    },
    /// Nodes
    #[command(subcommand)]
    Node(node::Command),
    /// Pools of nodes
    #[command(subcommand)]
    Pool(pool::Command),
    /// Streams, consumers and permissions on NATS
    #[command(subcommand)]
    Topology(topology::Command),
    /// The archive of jobs
    #[command(subcommand)]
    Archive(archive::Command),
    /// Brings the tables of all services up to date
    Migrate,
    /// Settings
    #[command(subcommand)]
    Config(config::Command),
    /// Messages that could not be processed
    #[command(subcommand)]
    DeadLetters(dead_letters::Command),
    /// Keys and tokens of clients and agents
    #[command(subcommand)]
    Key(key::Command),
    /// Documents that are made from the code: `OpenAPI` and `AsyncAPI`
    #[command(subcommand)]
    Spec(spec::Command),
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let Arguments { places, command } = arguments;
    match command {
        // All parts in one future are larger than a stack frame should be.
        Command::Up => Box::pin(one_machine::up(places.settings()?)).await?,
        Command::Broker => one_machine::broker_alone(places.settings()?).await?,
        Command::Ingress => parts::run(places.settings()?, Part::Ingress).await?,
        Command::Session { command: None } => {
            parts::run(places.settings()?, Part::Session).await?;
        }
        Command::Session {
            command: Some(command),
        } => session::run(places.settings()?, command).await?,
        Command::NodeAllocation => parts::run(places.settings()?, Part::NodeAllocation).await?,
        Command::Node(command) => return node::run(places.settings()?, command).await,
        Command::Pool(command) => pool::run(places.settings()?, command).await?,
        Command::JobArchive => parts::run(places.settings()?, Part::JobArchive).await?,
        Command::Agent { name, hooks } => {
            let chosen = [
                ("agent.name", name, "--name"),
                ("agent.hooks_directory", hooks.map(text), "--hooks"),
            ];
            Box::pin(agent::run(places.load_with(chosen)?.settings)).await?;
        }
        Command::Topology(command) => return topology::run(places.settings()?, command).await,
        Command::Archive(command) => {
            return Box::pin(archive::run(&places.settings()?, command)).await;
        }
        Command::Migrate => migrate::run(&places.settings()?).await?,
        Command::Config(command) => config::run(&places.load()?, &command)?,
        Command::DeadLetters(command) => dead_letters::run(places.settings()?, command).await?,
        Command::Key(command) => key::run(&places.settings()?, command)?,
        Command::Spec(command) => spec::run(&command)?,
    }
    Ok(ExitCode::SUCCESS)
}

impl Places {
    fn load(self) -> Result<Loaded> {
        self.load_with([])
    }

    /// With what a command's own options say: key, value, option.
    fn load_with<const N: usize>(
        self,
        chosen: [(&str, Option<String>, &str); N],
    ) -> Result<Loaded> {
        let listen = self.listen.map(|listen| listen.to_string());
        let places = [
            ("data_directory", self.data.map(text), "--data"),
            ("site", self.site.map(text), "--site"),
            ("listen", listen, "--listen"),
        ];
        let overrides = places
            .into_iter()
            .chain(chosen)
            .filter_map(|(key, value, label)| Some(Override::new(key, value?, label)))
            .collect();
        Ok(Settings::load(Sources::of_process(self.config, overrides))?)
    }

    fn settings(self) -> Result<Settings> {
        Ok(self.load()?.settings)
    }
}

fn text(path: impl AsRef<Path>) -> String {
    path.as_ref().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }
}
