//! `muster dead-letters`: look at what could not be processed, publish it again, or throw it away.

use anyhow::{Result, bail};
use clap::{Subcommand, ValueEnum};
use muster_contract::{
    Service,
    dead_letters::{DeadLetter, DeadLetterFilter, DeadLetterId, DeadLetterPage, PAGE_LIMIT},
    job_archive, node_allocation, session,
};
use muster_platform::Settings;
use serde::Serialize;

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
        /// Of this service alone
        #[arg(long, value_enum)]
        service: Option<Owner>,
        /// Also those that were replayed
        #[arg(long)]
        all: bool,
        /// As JSON, one object per line
        #[arg(long)]
        json: bool,
    },
    /// Shows one whole, with headers and body
    Show {
        /// Of this service alone
        #[arg(long, value_enum)]
        service: Option<Owner>,
        /// Its number
        id: i64,
    },
    /// Publishes one, or all that wait, again as they came
    Replay {
        /// Of this service alone
        #[arg(long, value_enum)]
        service: Option<Owner>,
        /// Its number
        #[arg(required_unless_present = "all")]
        id: Option<i64>,
        /// All that wait
        #[arg(long, conflicts_with = "id")]
        all: bool,
    },
    /// Removes one for good
    Discard {
        /// Of this service alone
        #[arg(long, value_enum)]
        service: Option<Owner>,
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
    const ALL: [Self; 3] = [Self::Session, Self::NodeAllocation, Self::JobArchive];

    /// The one that is meant, or all.
    fn meant(service: Option<Self>) -> Vec<Self> {
        service.map_or_else(|| Self::ALL.to_vec(), |one| vec![one])
    }

    fn service(self) -> Service {
        match self {
            Owner::Session => Service::Session,
            Owner::NodeAllocation => Service::NodeAllocation,
            Owner::JobArchive => Service::JobArchive,
        }
    }
}

/// A dead letter, and whose it is: each service counts its own.
#[derive(Serialize)]
struct Filed<'a> {
    service: &'a str,
    #[serde(flatten)]
    letter: &'a DeadLetter,
}

pub(crate) async fn run(settings: Settings, command: Command) -> Result<()> {
    let connection = OperatorConnection::open(&settings).await?;
    match command {
        Command::List { service, all, json } => {
            list(&connection, &Owner::meant(service), all, json).await
        }
        Command::Show { service, id } => {
            let (owner, letter) = one(&connection, service, id).await?;
            let service = owner.service().to_string();
            let filed = Filed {
                service: &service,
                letter: &letter,
            };
            println!("{}", serde_json::to_string_pretty(&filed)?);
            Ok(())
        }
        Command::Replay { service, id, all } => {
            for (owner, id) in meant(&connection, service, id, all).await? {
                let letter = replay(&connection, owner, id).await?;
                println!(
                    "{} {}: published again to {}",
                    owner.service(),
                    letter.id,
                    letter.subject
                );
            }
            Ok(())
        }
        Command::Discard { service, id } => {
            let (owner, _) = one(&connection, service, id).await?;
            let letter = discard(&connection, owner, id).await?;
            println!("{} {}: removed", owner.service(), letter.id);
            Ok(())
        }
    }
}

async fn list(
    connection: &OperatorConnection,
    owners: &[Owner],
    all: bool,
    json: bool,
) -> Result<()> {
    let columns = [
        "SERVICE",
        "ID",
        "FILED",
        "SUBJECT",
        "DELIVERIES",
        "REPLAYED",
        "ERROR",
    ];
    let mut listing = Listing::new(json, columns);
    let mut sums = Vec::new();
    for owner in owners {
        let service = owner.service().to_string();
        let mut after = 0;
        loop {
            let page = page(connection, *owner, after, PAGE_LIMIT, all).await?;
            let Some(last) = page.dead_letters.last() else {
                sums.push(format!("{} waiting in {service}", page.waiting));
                break;
            };
            after = last.id;
            for letter in &page.dead_letters {
                let filed = Filed {
                    service: &service,
                    letter,
                };
                listing.add(&filed, || {
                    [
                        service.clone(),
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
    }
    listing.finish()?;
    if !json {
        println!("{}", sums.join("\n"));
    }
    Ok(())
}

/// The letter of that number. Where several services have one, somebody has to say whose is meant.
async fn one(
    connection: &OperatorConnection,
    service: Option<Owner>,
    id: i64,
) -> Result<(Owner, DeadLetter)> {
    let mut found = Vec::new();
    for owner in Owner::meant(service) {
        let page = page(connection, owner, id.saturating_sub(1), 1, true).await?;
        let letters = page.dead_letters.into_iter();
        found.extend(
            letters
                .filter(|letter| letter.id == id)
                .map(|letter| (owner, letter)),
        );
    }
    let owners: Vec<String> = found
        .iter()
        .map(|(owner, _)| owner.service().to_string())
        .collect();
    match (found.pop(), found.is_empty()) {
        (Some(letter), true) => Ok(letter),
        (Some(_), false) => bail!(
            "several services have a dead letter {id}: say --service {}",
            owners.join(" or --service ")
        ),
        (None, _) => match service {
            Some(owner) => bail!("{} has no dead letter {id}", owner.service()),
            None => bail!("no service has a dead letter {id}"),
        },
    }
}

/// The one of that number, or all that wait.
async fn meant(
    connection: &OperatorConnection,
    service: Option<Owner>,
    id: Option<i64>,
    all: bool,
) -> Result<Vec<(Owner, i64)>> {
    if let Some(id) = id {
        return Ok(vec![(one(connection, service, id).await?.0, id)]);
    }
    if !all {
        bail!("give a number, or --all");
    }
    let mut found = Vec::new();
    for owner in Owner::meant(service) {
        let mut after = 0;
        loop {
            let page = page(connection, owner, after, PAGE_LIMIT, false).await?;
            let Some(last) = page.dead_letters.last() else {
                break;
            };
            after = last.id;
            found.extend(page.dead_letters.iter().map(|letter| (owner, letter.id)));
        }
    }
    Ok(found)
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
