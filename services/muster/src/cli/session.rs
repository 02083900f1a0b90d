//! `muster session list|show|close|accounting`: looks at node sessions, ends them, and says what they have used. (`muster
//! session` alone is the part.)

mod accounting;
mod show;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use muster_contract::{
    Outcome,
    session::{
        CloseNodeSession, ListNodeSessions, NodeSession, NodeSessionRefusal, NodeSessionState,
        SessionReference,
    },
};
use muster_platform::Settings;

use super::{
    connection::OperatorConnection,
    tables::{Listing, or_dash, time},
};

/// Sessions asked for at once.
const PAGE: u32 = 500;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists node sessions, oldest first
    List {
        /// Only those of this project
        #[arg(long)]
        project: Option<String>,
        /// Only those in this state; may be given several times. Default: those that have not ended
        #[arg(long, value_enum)]
        state: Vec<State>,
        /// Also those that have ended
        #[arg(long, conflicts_with = "state")]
        all: bool,
        /// As JSON, one object per line
        #[arg(long)]
        json: bool,
    },
    /// Shows one whole, with its nodes
    Show(Which),
    /// Gives all nodes of one back and ends it
    Close(Which),
    /// Says for how long sessions held nodes
    Accounting(accounting::Accounting),
}

#[derive(Debug, Args)]
pub(crate) struct Which {
    /// Its id, its number or, with --project, its alias
    session: String,
    /// The project whose aliases count
    #[arg(long)]
    project: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// A state, by name.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum State {
    /// Waits for its first nodes
    Opening,
    /// Can be used
    Active,
    /// Keeps its nodes for a look
    Held,
    /// Its nodes are being given back
    Closing,
    /// Is over
    Closed,
    /// Never came to be
    Refused,
}

impl State {
    fn state(self) -> NodeSessionState {
        match self {
            State::Opening => NodeSessionState::Opening,
            State::Active => NodeSessionState::Active,
            State::Held => NodeSessionState::Held,
            State::Closing => NodeSessionState::Closing,
            State::Closed => NodeSessionState::Closed,
            State::Refused => NodeSessionState::Refused,
        }
    }
}

/// States of sessions that have not ended.
const LIVE: [NodeSessionState; 4] = [
    NodeSessionState::Opening,
    NodeSessionState::Active,
    NodeSessionState::Held,
    NodeSessionState::Closing,
];

pub(crate) async fn run(settings: Settings, command: Command) -> Result<()> {
    let connection = OperatorConnection::open(&settings).await?;
    match command {
        Command::List {
            project,
            state,
            all,
            json,
        } => {
            let states = match state.as_slice() {
                [] if all => Vec::new(),
                [] => LIVE.to_vec(),
                chosen => chosen.iter().map(|state| state.state()).collect(),
            };
            list(&connection, project, states, json).await
        }
        Command::Show(which) => show::show(&find(&connection, &which).await?, which.json),
        Command::Close(which) => close(&connection, &which).await,
        Command::Accounting(accounting) => accounting::run(&connection, accounting).await,
    }
}

async fn list(
    connection: &OperatorConnection,
    tenant: Option<String>,
    states: Vec<NodeSessionState>,
    json: bool,
) -> Result<()> {
    let columns = [
        "NUMBER", "ID", "PROJECT", "ALIAS", "STATE", "NODES", "OPENED", "EXPIRES", "JOB",
    ];
    let mut listing = Listing::new(json, columns);
    let mut question = ListNodeSessions {
        tenant,
        states,
        limit: PAGE,
        ..ListNodeSessions::default()
    };
    loop {
        let page = connection.ask(&question).await?;
        let Some(last) = page.sessions.last() else {
            break;
        };
        question.after = last.number;
        for session in page.sessions {
            listing.add(&session, || cells(&session))?;
        }
    }
    listing.finish()
}

fn cells(session: &NodeSession) -> [String; 9] {
    let job = session.job.as_ref();
    [
        session.number.to_string(),
        session.id.clone(),
        session.tenant.clone(),
        or_dash(session.alias.as_ref()),
        session.state.name().to_owned(),
        session.nodes.len().to_string(),
        time(session.created_at),
        or_dash(session.expires_at.map(time)),
        or_dash(job.map(|job| format!("{}:{}", job.cluster, job.job_id))),
    ]
}

async fn close(connection: &OperatorConnection, which: &Which) -> Result<()> {
    let found = find(connection, which).await?;
    let session = SessionReference::Name(found.id);
    match connection.outcome(&CloseNodeSession { session }).await? {
        Outcome::Done(closed) if which.json => println!("{}", serde_json::to_string(&closed)?),
        Outcome::Done(closed) => println!("{}: {}", closed.id, closed.state.name()),
        Outcome::Refused(refusal) => bail!("session {}: {}", which.session, explained(&refusal)),
    }
    Ok(())
}

/// Why nothing is done, for people.
fn explained(refusal: &NodeSessionRefusal) -> String {
    match refusal {
        NodeSessionRefusal::Unknown => "there is none".to_owned(),
        NodeSessionRefusal::NotYours => "it is of another project".to_owned(),
        NodeSessionRefusal::WrongState { state } => format!("it is {} already", state.name()),
    }
}

/// The session that is meant. An alias may be in use in several projects.
async fn find(connection: &OperatorConnection, which: &Which) -> Result<NodeSession> {
    let Which {
        session, project, ..
    } = which;
    let reference = session.parse().map_or_else(
        |_| SessionReference::Name(session.clone()),
        SessionReference::Number,
    );
    let question = ListNodeSessions {
        tenant: project.clone(),
        session: Some(reference),
        limit: 2,
        ..ListNodeSessions::default()
    };
    let mut found = connection.ask(&question).await?.sessions;
    if found.len() > 1 {
        bail!("several projects have a session {session}: give --project");
    }
    found
        .pop()
        .with_context(|| format!("there is no session {session}"))
}
