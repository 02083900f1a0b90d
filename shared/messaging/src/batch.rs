//! One batch of commands in one transaction: inbox rows, state and outbox row together (design §3, rules 1 to 3).

use std::{
    collections::{BTreeMap, HashMap},
    panic::AssertUnwindSafe,
    sync::Arc,
};

use futures_util::FutureExt;
use muster_contract::ReplyBody;
use muster_storage::{
    Database, StorageError, Transaction,
    inbox::{self, InboxRecord},
    outbox::{self, NewOutboxRecord},
};
use serde_json::value::RawValue;

use crate::{
    Effects, Environment, HandlerError, breakpoint,
    delivery::Delivery,
    erased::{Encoded, ErasedHandler, Handled, SetError},
    outbox_message::PendingRow,
    spans,
};

/// Handlers by the schema of what they take.
pub(crate) type Handlers = HashMap<String, Arc<dyn ErasedHandler>>;

/// What a batch came to.
pub(crate) struct Settled {
    /// One for each delivery, in order.
    pub(crate) replies: Vec<ReplyBody>,
    /// What has to be published now.
    pub(crate) rows: Vec<PendingRow>,
    /// How many of the commands had been carried out before.
    pub(crate) duplicates: usize,
}

/// Why a batch came to nothing. Nothing of it was changed.
pub(crate) enum BatchError {
    /// The database is away; all of it can be tried again later.
    Unavailable(StorageError),
    /// Another transaction was in the way, or carried out one of the commands; try again at once, asking the inbox.
    Conflict,
    /// The delivery at this place cannot be decoded.
    Malformed(usize, String),
    /// A handler failed.
    Failed(String),
}

/// Runs batches.
pub(crate) struct BatchRunner {
    pub(crate) database: Database,
    pub(crate) handlers: Handlers,
    pub(crate) environment: Environment,
    /// Name of the database in spans.
    pub(crate) namespace: &'static str,
    /// Bytes that the body of an event or an onward command may have.
    pub(crate) message_limit: usize,
    /// Bytes that an outcome may have.
    pub(crate) outcome_limit: usize,
}

impl BatchRunner {
    /// Runs the batch in one transaction and commits it.
    ///
    /// `ask_inbox` = first look which of the commands were carried out before. Without it that comes out at the end, when
    /// the inbox rows are written, as a [`BatchError::Conflict`]; so it can be left out where a repetition is unlikely, which
    /// saves a statement.
    pub(crate) async fn run(
        &self,
        deliveries: &[Delivery],
        ask_inbox: bool,
    ) -> Result<Settled, BatchError> {
        let _spans: Vec<_> = deliveries
            .iter()
            .map(|delivery| {
                spans::transaction(
                    &delivery.span,
                    self.database.engine(),
                    self.namespace,
                    deliveries.len(),
                )
            })
            .collect();
        let mut transaction = begin(&self.database).await?;
        let attempt = self.attempt(&mut transaction, deliveries, ask_inbox);
        let settled = match AssertUnwindSafe(attempt).catch_unwind().await {
            Ok(settled) => settled,
            Err(panic) => Err(BatchError::Failed(format!(
                "a handler panicked: {}",
                panic_text(panic.as_ref())
            ))),
        };
        match settled {
            Ok(settled) => {
                breakpoint::reached(breakpoint::BEFORE_COMMIT).await;
                transaction.commit().await?;
                Ok(settled)
            }
            Err(error) => {
                // Where even that fails the connection is gone, and the transaction with it.
                let _ = transaction.rollback().await;
                Err(error)
            }
        }
    }

    /// The reply to the command if it was carried out before.
    pub(crate) async fn remembered(
        &self,
        delivery: &Delivery,
    ) -> Result<Option<ReplyBody>, StorageError> {
        let id = delivery.context.id().to_string();
        let record = inbox::find(&self.database, &id).await?;
        Ok(record.map(|record| remembered(delivery, &record)))
    }

    async fn attempt(
        &self,
        transaction: &mut Transaction,
        deliveries: &[Delivery],
        ask_inbox: bool,
    ) -> Result<Settled, BatchError> {
        let mut replies: Vec<Option<ReplyBody>> = vec![None; deliveries.len()];
        if ask_inbox {
            recall(transaction, deliveries, &mut replies).await?;
        }
        let duplicates = replies.iter().flatten().count();

        let mut effects = Effects::new(
            self.environment.ids.clone(),
            self.message_limit,
            self.outcome_limit,
        );
        let mut records = Vec::with_capacity(deliveries.len() - duplicates);
        for (schema, places) in by_schema(deliveries, &replies) {
            let outcomes = self
                .handle(transaction, deliveries, schema, &places, &mut effects)
                .await?;
            for (place, handled) in places.into_iter().zip(outcomes) {
                let Handled::Outcome(outcome) = handled else {
                    continue;
                };
                let (Some(delivery), Some(reply)) = (deliveries.get(place), replies.get_mut(place))
                else {
                    continue;
                };
                // One that could not be sent would leave whoever waits for it without an answer for good.
                if outcome.get().len() > self.outcome_limit {
                    let reason = format!("an outcome of {schema} is longer than a message");
                    return Err(BatchError::Failed(reason));
                }
                records.push(record_of(delivery, &outcome));
                *reply = Some(ReplyBody::Outcome(outcome));
            }
        }

        let fresh = records.len();
        if fresh > 0 && inbox::record(transaction, &records).await?.len() < fresh {
            return Err(BatchError::Conflict);
        }
        let (rows, _settled) = effects.into_parts();
        if !rows.is_empty() {
            let now = self.environment.clock.now().as_micros();
            let records: Result<Vec<_>, _> = rows.iter().map(|row| stored(row, now)).collect();
            outbox::append(transaction, &records?).await?;
        }
        Ok(Settled {
            replies: replies
                .into_iter()
                .map(|reply| reply.unwrap_or(ReplyBody::DeadLettered))
                .collect(),
            rows,
            duplicates,
        })
    }

    async fn handle(
        &self,
        transaction: &mut Transaction,
        deliveries: &[Delivery],
        schema: &str,
        places: &[usize],
        effects: &mut Effects,
    ) -> Result<Vec<Handled>, BatchError> {
        let first = places.first().copied().unwrap_or_default();
        let Some(handler) = self.handlers.get(schema) else {
            let reason = format!("nobody here takes messages of the kind {schema}");
            return Err(BatchError::Malformed(first, reason));
        };
        let set: Vec<Encoded<'_>> = places
            .iter()
            .filter_map(|place| deliveries.get(*place))
            .map(|delivery| Encoded {
                context: &delivery.context,
                payload: delivery.payload(),
            })
            .collect();
        handler
            .handle(transaction, &set, effects)
            .await
            .map_err(|error| match error {
                SetError::Malformed(place, error) => {
                    let place = places.get(place).copied().unwrap_or(first);
                    BatchError::Malformed(place, format!("the body: {error}"))
                }
                SetError::Handler(HandlerError::Storage(error)) => error.into(),
                SetError::Handler(error) => BatchError::Failed(crate::topology::chain(&error)),
            })
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

/// Fills in the replies to the commands that were carried out before.
async fn recall(
    transaction: &mut Transaction,
    deliveries: &[Delivery],
    replies: &mut [Option<ReplyBody>],
) -> Result<(), BatchError> {
    let ids: Vec<String> = deliveries
        .iter()
        .map(|delivery| delivery.context.id().to_string())
        .collect();
    let recorded = inbox::recorded(transaction, &ids).await?;
    let recorded: HashMap<&str, &InboxRecord> = recorded
        .iter()
        .map(|record| (record.id.as_str(), record))
        .collect();
    for ((delivery, id), reply) in deliveries.iter().zip(&ids).zip(replies) {
        if let Some(record) = recorded.get(id.as_str()) {
            *reply = Some(remembered(delivery, record));
        }
    }
    Ok(())
}

fn remembered(delivery: &Delivery, record: &InboxRecord) -> ReplyBody {
    if delivery.fingerprint != record.fingerprint {
        return ReplyBody::KeyReused;
    }
    let outcome = record.outcome.clone().map(RawValue::from_string);
    match outcome {
        Some(Ok(outcome)) => ReplyBody::Outcome(outcome),
        // Not written by this program; whoever waits is at least told.
        Some(Err(_)) | None => ReplyBody::DeadLettered,
    }
}

/// The places of those still to be carried out, by kind. Kinds in a fixed order, so that two replicas lock in the same one.
fn by_schema<'a>(
    deliveries: &'a [Delivery],
    replies: &[Option<ReplyBody>],
) -> BTreeMap<&'a str, Vec<usize>> {
    let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, (delivery, reply)) in deliveries.iter().zip(replies).enumerate() {
        if reply.is_none() {
            places.entry(&delivery.schema).or_default().push(place);
        }
    }
    places
}

fn record_of(delivery: &Delivery, outcome: &RawValue) -> InboxRecord {
    InboxRecord {
        id: delivery.context.id().to_string(),
        fingerprint: delivery.fingerprint.clone(),
        outcome: Some(outcome.get().to_owned()),
        received_at: delivery.context.received_at().as_micros(),
    }
}

fn stored(row: &PendingRow, now: i64) -> Result<NewOutboxRecord, BatchError> {
    Ok(NewOutboxRecord {
        id: row.id.to_string(),
        stream: row.stream.clone(),
        messages: serde_json::to_string(&row.messages)
            .map_err(|error| BatchError::Failed(error.to_string()))?,
        message_count: i64::try_from(row.messages.len()).unwrap_or(i64::MAX),
        created_at: now,
    })
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a word")
}

impl From<StorageError> for BatchError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Unavailable(_) => BatchError::Unavailable(error),
            StorageError::Conflict(_) => BatchError::Conflict,
            other => BatchError::Failed(crate::topology::chain(&other)),
        }
    }
}
