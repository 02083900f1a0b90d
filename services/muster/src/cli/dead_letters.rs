//! `muster dead-letters`: look at what could not be processed, publish it again, or throw it away.

use anyhow::{Context as _, Result, bail};
use clap::{Subcommand, ValueEnum};
use muster_contract::{
    Service,
    dead_letters::{DeadLetter, DeadLetterFilter, DeadLetterId, DeadLetterPage, PAGE_LIMIT},
    job_archive, node_allocation, session,
};
use muster_platform::Settings;

use super::{
    connection::OperatorConnection,
    tables::{Listing, or_dash, time},
};

/// Characters of an error that the table shows.
const ERROR_WIDTH: usize = 80;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists them, oldest first
    List {
        /// Of which service
        #[arg(long, value_enum, default_value_t = Owner::JobArchive)]
        service: Owner,
        /// Also those that were replayed
        #[arg(long)]
        all: bool,
        /// As JSON, one object per line
        #[arg(long)]
        json: bool,
    },
    /// Shows one whole, with headers and body
    Show {
        /// Of which service
        #[arg(long, value_enum, default_value_t = Owner::JobArchive)]
        service: Owner,
        /// Its number
        id: i64,
    },
    /// Publishes one, or all that wait, again as they came
    Replay {
        /// Of which service
        #[arg(long, value_enum, default_value_t = Owner::JobArchive)]
        service: Owner,
        /// Its number
        #[arg(required_unless_present = "all")]
        id: Option<i64>,
        /// All that wait
        #[arg(long, conflicts_with = "id")]
        all: bool,
    },
    /// Removes one for good
    Discard {
        /// Of which service
        #[arg(long, value_enum, default_value_t = Owner::JobArchive)]
        service: Owner,
        /// Its number
        id: i64,
    },
}

/// A service, by name.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Owner {
    /// Sessions
    Session,
    /// Pools, nodes and leases
    NodeAllocation,
    /// The job archive
    JobArchive,
}

impl Owner {
    fn service(self) -> Service {
        match self {
            Owner::Session => Service::Session,
            Owner::NodeAllocation => Service::NodeAllocation,
            Owner::JobArchive => Service::JobArchive,
        }
    }
}

pub(crate) async fn run(settings: Settings, command: Command) -> Result<()> {
    let connection = OperatorConnection::open(&settings).await?;
    match command {
        Command::List { service, all, json } => list(&connection, service, all, json).await,
        Command::Show { service, id } => {
            let letter = one(&connection, service, id).await?;
            println!("{}", serde_json::to_string_pretty(&letter)?);
            Ok(())
        }
        Command::Replay { service, id, all } => {
            let ids = match id {
                Some(id) => vec![id],
                None => waiting(&connection, service, all).await?,
            };
            for id in ids {
                let letter = replay(&connection, service, id).await?;
                println!("{}: published again to {}", letter.id, letter.subject);
            }
            Ok(())
        }
        Command::Discard { service, id } => {
            let letter = discard(&connection, service, id).await?;
            println!("{}: removed", letter.id);
            Ok(())
        }
    }
}

async fn list(connection: &OperatorConnection, owner: Owner, all: bool, json: bool) -> Result<()> {
    let columns = ["ID", "FILED", "SUBJECT", "DELIVERIES", "REPLAYED", "ERROR"];
    let mut listing = Listing::new(json, columns);
    let mut after = 0;
    let mut waiting;
    loop {
        let page = page(connection, owner, after, PAGE_LIMIT, all).await?;
        waiting = page.waiting;
        let Some(last) = page.dead_letters.last() else {
            break;
        };
        after = last.id;
        for letter in page.dead_letters {
            listing.add(&letter, || {
                [
                    letter.id.to_string(),
                    time(letter.filed_at),
                    letter.subject.clone(),
                    letter.deliveries.to_string(),
                    or_dash(letter.replayed_at.map(time)),
                    letter.error.chars().take(ERROR_WIDTH).collect(),
                ]
            })?;
        }
    }
    listing.finish()?;
    if !json {
        println!("{waiting} waiting in {}", owner.service());
    }
    Ok(())
}

async fn one(connection: &OperatorConnection, owner: Owner, id: i64) -> Result<DeadLetter> {
    let page = page(connection, owner, id.saturating_sub(1), 1, true).await?;
    let found = page.dead_letters.into_iter().find(|letter| letter.id == id);
    found.with_context(|| format!("{} has no dead letter {id}", owner.service()))
}

async fn waiting(connection: &OperatorConnection, owner: Owner, all: bool) -> Result<Vec<i64>> {
    if !all {
        bail!("give a number, or --all");
    }
    let mut ids: Vec<i64> = Vec::new();
    loop {
        let after = ids.last().copied().unwrap_or(0);
        let page = page(connection, owner, after, PAGE_LIMIT, false).await?;
        if page.dead_letters.is_empty() {
            return Ok(ids);
        }
        ids.extend(page.dead_letters.iter().map(|letter| letter.id));
    }
}

async fn page(
    connection: &OperatorConnection,
    owner: Owner,
    after: i64,
    limit: u32,
    include_replayed: bool,
) -> Result<DeadLetterPage> {
    let filter = DeadLetterFilter {
        after,
        limit,
        include_replayed,
    };
    match owner {
        Owner::Session => connection.ask(&session::ListDeadLetters(filter)).await,
        Owner::NodeAllocation => {
            let query = node_allocation::ListDeadLetters(filter);
            connection.ask(&query).await
        }
        Owner::JobArchive => connection.ask(&job_archive::ListDeadLetters(filter)).await,
    }
}

async fn replay(connection: &OperatorConnection, owner: Owner, id: i64) -> Result<DeadLetter> {
    let id = DeadLetterId { id };
    match owner {
        Owner::Session => connection.send(&session::ReplayDeadLetter(id)).await,
        Owner::NodeAllocation => {
            let command = node_allocation::ReplayDeadLetter(id);
            connection.send(&command).await
        }
        Owner::JobArchive => connection.send(&job_archive::ReplayDeadLetter(id)).await,
    }
}

async fn discard(connection: &OperatorConnection, owner: Owner, id: i64) -> Result<DeadLetter> {
    let id = DeadLetterId { id };
    match owner {
        Owner::Session => connection.send(&session::DiscardDeadLetter(id)).await,
        Owner::NodeAllocation => {
            let command = node_allocation::DiscardDeadLetter(id);
            connection.send(&command).await
        }
        Owner::JobArchive => connection.send(&job_archive::DiscardDeadLetter(id)).await,
    }
}
