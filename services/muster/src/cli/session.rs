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
        SessionHookState, SessionReference,
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
    /// Shows one whole, with its nodes and how its set-up and tear-down went
    Show(Which),
    /// Gives all nodes of one back and ends it; has one that is over torn down once more, if that was given up
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
        "NUMBER", "ID", "PROJECT", "ALIAS", "STATE", "NODES", "OPENED", "EXPIRES", "JOB", "HOOKS",
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

fn cells(session: &NodeSession) -> [String; 10] {
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
        or_dash(hooks(session)),
    ]
}

/// How far its set-up and its tear-down are: `set-up succeeded, tear-down waiting`. What has not begun is left out.
fn hooks(session: &NodeSession) -> Option<String> {
    let hooks = [
        ("set-up", &session.set_up),
        ("tear-down", &session.tear_down),
    ];
    let begun: Vec<String> = hooks
        .into_iter()
        .filter_map(|(name, status)| {
            let status = status.as_ref()?;
            (status.state != SessionHookState::Idle)
                .then(|| format!("{name} {}", status.state.name()))
        })
        .collect();
    (!begun.is_empty()).then(|| begun.join(", "))
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

#[cfg(test)]
mod tests {
    use muster_contract::session::SessionHookStatus;

    use super::*;

    #[test]
    fn shows_how_far_the_hooks_are() {
        let status = |state| {
            Some(SessionHookStatus {
                state,
                agent: "network".to_owned(),
                attempts: 1,
                reason: None,
            })
        };
        let mut session = NodeSession {
            id: "0199".to_owned(),
            number: 1,
            tenant: "demo".to_owned(),
            alias: None,
            state: NodeSessionState::Active,
            job: None,
            created_at: 0,
            expires_at: None,
            ended_at: None,
            end_reason: None,
            nodes: vec![],
            set_up: None,
            tear_down: None,
        };
        assert_eq!(hooks(&session), None);
        session.set_up = status(SessionHookState::Succeeded);
        session.tear_down = status(SessionHookState::Idle);
        assert_eq!(hooks(&session).as_deref(), Some("set-up succeeded"));
        session.tear_down = status(SessionHookState::Failed);
        assert_eq!(
            hooks(&session).as_deref(),
            Some("set-up succeeded, tear-down failed")
        );
    }
}
