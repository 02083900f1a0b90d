//! `muster node`: the nodes there are, and what an operator does with them.

mod import;
mod import_file;

use std::{net::IpAddr, process::ExitCode};

use anyhow::{Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use muster_contract::{
    Outcome,
    node_allocation::{ChangeNode, ChangeNodeRefusal, ListNodes, Node, NodeChange, NodeState},
};
use muster_platform::Settings;

use super::{
    connection::OperatorConnection,
    tables::{Listing, or_dash, say, time},
};

/// Nodes asked for at once.
const PAGE: u32 = 1000;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists nodes, by number
    List {
        /// Only those of this pool
        #[arg(long)]
        pool: Option<String>,
        /// Only those that sessions of this project hold
        #[arg(long)]
        project: Option<String>,
        /// Only those of this session (its id)
        #[arg(long)]
        session: Option<String>,
        /// Only those in this state; may be given several times
        #[arg(long, value_enum)]
        state: Vec<State>,
        /// As JSON, one object per line
        #[arg(long)]
        json: bool,
    },
    /// Adds a node to a pool
    Add(NewNode),
    /// Adds the nodes that a file names
    Import(import::Import),
    /// Puts a node that no session holds into a state
    SetState {
        /// Its short name
        hostname: String,
        /// The state
        #[arg(value_enum)]
        state: SettableState,
        /// Why; shown in the inventory
        #[arg(long)]
        reason: Option<String>,
        /// The node as JSON
        #[arg(long)]
        json: bool,
    },
    /// Reserves a node: at once if it is free, else when its session gives it back
    Drain {
        /// Its short name
        hostname: String,
        /// Why; shown in the inventory
        #[arg(long)]
        reason: Option<String>,
        /// The node as JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct NewNode {
    /// Its short name, such as n24.dusty
    hostname: String,
    /// The pool
    #[arg(long)]
    pool: String,
    /// Its address
    #[arg(long)]
    ip: IpAddr,
    /// Where it stands
    #[arg(long, default_value = "")]
    chassis: String,
    /// Port of its console
    #[arg(long)]
    console_port: Option<u16>,
    /// The node as JSON
    #[arg(long)]
    json: bool,
}

/// A state, by name.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum State {
    /// Known, switched off or not installed
    Unused,
    /// Being installed
    Provisioning,
    /// Free
    Ready,
    /// Being prepared for its session
    Contextualizing,
    /// In a session
    Deployed,
    /// Being wiped
    Deprovisioning,
    /// Kept for a look
    Held,
    /// Set aside for a while since a hook failed
    Quarantined,
    /// Set aside since something went wrong
    Failed,
    /// Set aside by an operator
    Reserved,
}

impl State {
    fn state(self) -> NodeState {
        match self {
            State::Unused => NodeState::Unused,
            State::Provisioning => NodeState::Provisioning,
            State::Ready => NodeState::Ready,
            State::Contextualizing => NodeState::Contextualizing,
            State::Deployed => NodeState::Deployed,
            State::Deprovisioning => NodeState::Deprovisioning,
            State::Held => NodeState::Held,
            State::Quarantined => NodeState::Quarantined,
            State::Failed => NodeState::Failed,
            State::Reserved => NodeState::Reserved,
        }
    }
}

/// A state that an operator may put a node into.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum SettableState {
    /// Free
    Ready,
    /// Set aside by an operator
    Reserved,
    /// Set aside since something went wrong
    Failed,
    /// Known, switched off or not installed
    Unused,
}

impl SettableState {
    fn state(self) -> NodeState {
        match self {
            SettableState::Ready => NodeState::Ready,
            SettableState::Reserved => NodeState::Reserved,
            SettableState::Failed => NodeState::Failed,
            SettableState::Unused => NodeState::Unused,
        }
    }
}

pub(crate) async fn run(settings: Settings, command: Command) -> Result<ExitCode> {
    let connection = OperatorConnection::open(&settings).await?;
    let (hostname, change, reason, json) = match command {
        Command::List {
            pool,
            project,
            session,
            state,
            json,
        } => {
            let question = ListNodes {
                tenant: project,
                session,
                pool,
                states: state.into_iter().map(State::state).collect(),
                limit: Some(PAGE),
                ..ListNodes::default()
            };
            list(&connection, question, json).await?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Import(import) => return import::run(&connection, &import).await,
        Command::Add(node) => {
            let change = NodeChange::Add {
                pool: node.pool,
                ip_address: node.ip.to_string(),
                chassis: node.chassis,
                console_port: node.console_port.map(i64::from),
            };
            (node.hostname, change, None, node.json)
        }
        Command::SetState {
            hostname,
            state,
            reason,
            json,
        } => {
            let state = state.state();
            (hostname, NodeChange::SetState { state }, reason, json)
        }
        Command::Drain {
            hostname,
            reason,
            json,
        } => (hostname, NodeChange::Drain, reason, json),
    };
    let command = ChangeNode {
        hostname,
        change,
        reason,
    };
    match connection.outcome(&command).await? {
        Outcome::Done(node) if json => say(&serde_json::to_string(&node)?)?,
        Outcome::Done(node) => say(&format!("{}: {}", node.hostname, node.state.name()))?,
        Outcome::Refused(refusal) => bail!("{}: {}", command.hostname, explained(&refusal)),
    }
    Ok(ExitCode::SUCCESS)
}

/// Why a node is not changed, for people.
fn explained(refusal: &ChangeNodeRefusal) -> String {
    match refusal {
        ChangeNodeRefusal::UnknownNode => "there is no node of that name".to_owned(),
        ChangeNodeRefusal::InvalidName => {
            "that is no name of a host: small letters, digits and inner hyphens between the dots"
                .to_owned()
        }
        ChangeNodeRefusal::AmbiguousName { other } => format!(
            "there is {other}: one name is the same as, or part of, the other, and clients take one for the other"
        ),
        ChangeNodeRefusal::UnknownPool { pool } => format!("there is no pool {pool}"),
        ChangeNodeRefusal::InUse { session } => format!("session {session} holds it"),
        ChangeNodeRefusal::WrongState { state } => {
            format!(
                "an operator cannot put a node into the state {}",
                state.name()
            )
        }
    }
}

async fn list(connection: &OperatorConnection, mut question: ListNodes, json: bool) -> Result<()> {
    let columns = [
        "ID", "HOSTNAME", "ADDRESS", "POOL", "STATE", "SINCE", "USED", "PROJECT", "SESSION",
        "REASON",
    ];
    let mut listing = Listing::new(json, columns);
    loop {
        let page = connection.ask(&question).await?;
        let Some(last) = page.nodes.last() else {
            break;
        };
        question.after = last.id;
        for node in page.nodes {
            listing.add(&node, || cells(&node))?;
        }
    }
    listing.finish()
}

fn cells(node: &Node) -> [String; 10] {
    [
        node.id.to_string(),
        node.hostname.clone(),
        node.ip_address.clone(),
        node.pool.clone(),
        node.state.name().to_owned(),
        time(node.state_since),
        node.used_count.to_string(),
        or_dash(node.tenant.as_ref()),
        or_dash(node.session.as_ref()),
        or_dash(node.reason.as_ref()),
    ]
}
