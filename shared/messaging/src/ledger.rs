//! The transactions of a service, and what goes into each besides the state: outcomes of commands begun earlier, and the outbox.

use std::{collections::HashMap, time::Duration};

use muster_contract::{Reply, ReplyBody};
use muster_platform::Timestamp;
use muster_storage::{
    Database, StorageError, Transaction,
    late_outcomes::{self, LateOutcome},
    outbox::{self, NewOutboxRecord},
};
use serde_json::value::RawValue;
use tracing::debug;
use uuid::Uuid;

use crate::{Effects, Environment, about, effects::Parts, outbox_message::PendingRow};

/// What the transactions of a service have in common.
#[derive(Clone)]
pub(crate) struct Ledger {
    pub(crate) database: Database,
    pub(crate) environment: Environment,
    /// Name of the database in spans.
    pub(crate) namespace: &'static str,
    /// Bytes that the body of an event or an onward command may have.
    pub(crate) message_limit: usize,
    /// Bytes that an outcome may have.
    pub(crate) outcome_limit: usize,
}

/// What a transaction has to tell once it has committed.
#[derive(Default)]
pub(crate) struct Consequences {
    /// What has to be published.
    pub(crate) rows: Vec<PendingRow>,
    /// Outcomes of commands begun earlier.
    pub(crate) replies: Vec<LateReply>,
    /// How long requests have waited that are granted, by queue.
    pub(crate) waits: Vec<(&'static str, Duration)>,
}

/// An outcome, and an address where somebody waits for it.
pub(crate) struct LateReply {
    pub(crate) address: String,
    pub(crate) reply: Reply,
}

impl LateReply {
    /// Reads what the database says; nothing for somebody who has stopped waiting.
    pub(crate) fn of(
        address: String,
        deadline: i64,
        command: &str,
        fingerprint: Option<String>,
        outcome: Box<RawValue>,
        now: Timestamp,
    ) -> Option<Self> {
        if deadline <= now.as_micros() {
            return None;
        }
        Some(Self {
            address,
            reply: Reply {
                id: command.parse().ok()?,
                fingerprint,
                body: ReplyBody::Outcome(outcome),
            },
        })
    }
}

impl Ledger {
    /// Begins a transaction.
    pub(crate) async fn begin(&self) -> Result<Transaction, StorageError> {
        begin(&self.database).await
    }

    /// For what handlers of one transaction have to say.
    pub(crate) fn effects(&self) -> Effects {
        let ids = self.environment.ids.clone();
        Effects::new(ids, self.message_limit, self.outcome_limit)
    }

    /// Writes what the handlers said, as the last thing in the transaction.
    pub(crate) async fn conclude(
        &self,
        transaction: &mut Transaction,
        effects: Effects,
    ) -> Result<Consequences, StorageError> {
        let Parts {
            mut rows,
            settled,
            mut sent,
            waits,
        } = effects.into_parts();
        let replies = self.settle(transaction, settled).await?;
        if !rows.is_empty() {
            let now = self.environment.clock.now().as_micros();
            if !sent.is_empty() {
                let messages = rows.iter_mut().flat_map(|row| &mut row.messages);
                let mut about_something: Vec<_> = messages
                    .filter_map(|message| Some((sent.remove(&message.id)?, message)))
                    .collect();
                about::carry_on(transaction, &mut about_something, now).await?;
            }
            let records: Result<Vec<_>, _> = rows.iter().map(|row| stored(row, now)).collect();
            outbox::append(transaction, &records?).await?;
        }
        Ok(Consequences {
            rows,
            replies,
            waits,
        })
    }

    async fn settle(
        &self,
        transaction: &mut Transaction,
        settled: Vec<(Uuid, Box<RawValue>)>,
    ) -> Result<Vec<LateReply>, StorageError> {
        if settled.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.environment.clock.now();
        let mut outcomes: Vec<LateOutcome> = settled
            .iter()
            .map(|(id, outcome)| LateOutcome {
                command_id: id.to_string(),
                outcome: outcome.get().to_owned(),
            })
            .collect();
        // In one order, so that two replicas seldom wait for each other.
        outcomes.sort_by(|one, other| one.command_id.cmp(&other.command_id));
        let (commands, addresses) =
            late_outcomes::settle(transaction, &outcomes, now.as_micros()).await?;
        let fingerprints: HashMap<&str, &Option<String>> = commands
            .iter()
            .map(|command| (command.id.as_str(), &command.fingerprint))
            .collect();
        let outcomes: HashMap<String, Box<RawValue>> = settled
            .into_iter()
            .map(|(id, outcome)| (id.to_string(), outcome))
            .collect();
        for id in outcomes.keys() {
            if !fingerprints.contains_key(id.as_str()) {
                debug!(target: "muster::messaging", command = id, "an outcome for a command that has one, or was not begun here");
            }
        }
        let replies = addresses.into_iter().filter_map(|address| {
            let outcome = outcomes.get(&address.command_id)?.clone();
            let fingerprint = (*fingerprints.get(address.command_id.as_str())?).clone();
            LateReply::of(
                address.address,
                address.deadline,
                &address.command_id,
                fingerprint,
                outcome,
                now,
            )
        });
        Ok(replies.collect())
    }
}

/// Begins a transaction. Where that fails, for whatever reason, it has nothing to do with the message at hand: the database is
/// away. (A server that hangs up while a connection is being made looks to the driver like one that speaks nonsense.)
pub(crate) async fn begin(database: &Database) -> Result<Transaction, StorageError> {
    database.begin().await.map_err(|error| match error {
        StorageError::Unavailable(_) => error,
        other => StorageError::Unavailable(Box::new(other)),
    })
}

fn stored(row: &PendingRow, now: i64) -> Result<NewOutboxRecord, StorageError> {
    Ok(NewOutboxRecord {
        id: row.id.to_string(),
        stream: row.stream.clone(),
        messages: serde_json::to_string(&row.messages)
            .map_err(|error| StorageError::Other(error.into()))?,
        message_count: i64::try_from(row.messages.len()).unwrap_or(i64::MAX),
        created_at: now,
    })
}
