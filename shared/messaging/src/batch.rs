//! One batch of messages in one transaction: inbox rows, state and outbox row together (design §3, rules 1 to 3).

use std::{
    collections::{BTreeMap, HashMap},
    panic::AssertUnwindSafe,
    sync::Arc,
};

use futures_util::FutureExt;
use muster_contract::ReplyBody;
use muster_storage::{
    StorageError, Transaction,
    inbox::{self, InboxRecord},
    late_outcomes,
};
use serde_json::value::RawValue;

use crate::{
    Effects, HandlerError, about, breakpoint,
    dead_letters::Cabinet,
    delivery::Delivery,
    erased::{Encoded, ErasedHandler, Handled, SetError},
    ledger::{Consequences, Ledger},
    source::Family,
    spans,
    waiting::addresses_of,
};

/// What stands in the inbox as the outcome of an event, a report or a producer's message.
const TAKEN: &str = "null";

/// The handlers of a service, by the schema of what they take.
#[derive(Clone, Default)]
pub(crate) struct Handlers {
    pub(crate) commands: HashMap<String, Arc<dyn ErasedHandler>>,
    pub(crate) reactions: HashMap<String, Arc<dyn ErasedHandler>>,
    pub(crate) reports: HashMap<String, Arc<dyn ErasedHandler>>,
    pub(crate) translator: Option<Arc<dyn ErasedHandler>>,
}

impl Handlers {
    fn find(&self, family: Family, schema: &str) -> Option<&Arc<dyn ErasedHandler>> {
        match family {
            Family::Command => self.commands.get(schema),
            Family::Event => self.reactions.get(schema),
            Family::Report => self.reports.get(schema),
            Family::Production => self.translator.as_ref(),
        }
    }
}

/// What is known of a message.
#[derive(Clone)]
pub(crate) enum Fate {
    /// Whoever waits for it is to be told this.
    Answered(ReplyBody),
    /// A command that was begun: whoever waits for it is told later.
    Pending,
    /// An event, a report or a producer's message that has taken effect: nobody waits for it.
    Taken,
}

/// What a batch came to.
pub(crate) struct Settled {
    /// One for each delivery, in order.
    pub(crate) fates: Vec<Fate>,
    /// What else is to be told.
    pub(crate) consequences: Consequences,
    /// How many of the messages had taken effect before.
    pub(crate) duplicates: usize,
    /// Dead letters that were filed in the same transaction.
    pub(crate) filed: usize,
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

impl BatchError {
    /// What it is, as metrics and spans have it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            BatchError::Conflict => "conflict",
            BatchError::Unavailable(_) => "storage",
            BatchError::Malformed(..) => "malformed",
            BatchError::Failed(_) => "handler",
        }
    }

    /// What went wrong, for people.
    fn reason(&self) -> String {
        match self {
            BatchError::Conflict => "another transaction was in the way".to_owned(),
            BatchError::Unavailable(error) => crate::topology::chain(error),
            BatchError::Malformed(_, reason) | BatchError::Failed(reason) => reason.clone(),
        }
    }
}

/// Runs batches.
pub(crate) struct BatchRunner {
    pub(crate) ledger: Ledger,
    pub(crate) handlers: Arc<Handlers>,
    pub(crate) cabinet: Cabinet,
}

impl BatchRunner {
    /// Runs the batch in one transaction and commits it.
    ///
    /// `ask_inbox` = first look which of the messages took effect before. Without it that comes out at the end, when the
    /// inbox rows are written, as a [`BatchError::Conflict`]; so it can be left out where a repetition is unlikely, which
    /// saves a statement.
    pub(crate) async fn run(
        &self,
        deliveries: &[Delivery],
        ask_inbox: bool,
    ) -> Result<Settled, BatchError> {
        let spans: Vec<_> = deliveries
            .iter()
            .map(|delivery| {
                spans::transaction(
                    &delivery.span,
                    self.ledger.database.engine(),
                    self.ledger.namespace,
                    deliveries.len(),
                )
            })
            .collect();
        let mut transaction = self.ledger.begin().await?;
        let attempt = self.attempt(&mut transaction, deliveries, ask_inbox);
        let settled = caught(attempt).await;
        if settled.is_ok() {
            breakpoint::reached(breakpoint::BEFORE_COMMIT).await;
        }
        let result = finished(transaction, settled).await;
        if let Err(error) = &result {
            let reason = error.reason();
            for span in &spans {
                spans::fail(span, error.kind(), &reason);
            }
        }
        result
    }

    /// What is known of the message if it took effect before.
    pub(crate) async fn remembered(
        &self,
        delivery: &Delivery,
    ) -> Result<Option<Fate>, StorageError> {
        let id = delivery.context.id().to_string();
        let record = inbox::find(&self.ledger.database, &id).await?;
        Ok(record.map(|record| remembered(delivery, &record)))
    }

    async fn attempt(
        &self,
        transaction: &mut Transaction,
        deliveries: &[Delivery],
        ask_inbox: bool,
    ) -> Result<Settled, BatchError> {
        let mut fates: Vec<Option<Fate>> = vec![None; deliveries.len()];
        if ask_inbox {
            recall(transaction, deliveries, &mut fates).await?;
        }
        let known: Vec<bool> = fates.iter().map(Option::is_some).collect();
        let duplicates = known.iter().filter(|known| **known).count();

        let mut effects = self.ledger.effects();
        let mut records = Vec::with_capacity(deliveries.len() - duplicates);
        let mut filed = 0;
        for ((family, schema), places) in by_kind(deliveries, &fates) {
            let handled = self
                .handle(
                    transaction,
                    deliveries,
                    family,
                    schema,
                    &places,
                    &mut effects,
                )
                .await?;
            for (place, handled) in places.into_iter().zip(handled) {
                let (Some(delivery), Some(fate)) = (deliveries.get(place), fates.get_mut(place))
                else {
                    continue;
                };
                records.push(record_of(delivery, &handled));
                if let Handled::PartlyTaken { remainder, reason } = &handled {
                    let (raw, remainder) = (&delivery.raw, remainder.clone());
                    self.cabinet
                        .file_in(transaction, raw, remainder, reason)
                        .await?;
                    filed += 1;
                }
                *fate = Some(self.fate_of(schema, handled)?);
            }
        }

        let fresh = records.len();
        if fresh > 0 && inbox::record(transaction, &records).await?.len() < fresh {
            return Err(BatchError::Conflict);
        }
        note_who_waits(transaction, deliveries, &fates, &known).await?;
        let commands = deliveries
            .iter()
            .zip(&known)
            .filter(|(delivery, known)| delivery.family == Family::Command && !**known)
            .map(|(delivery, _)| &delivery.context);
        let now = self.ledger.environment.clock.now().as_micros();
        about::note_requests(transaction, commands, now).await?;
        let consequences = self.ledger.conclude(transaction, effects).await?;
        Ok(Settled {
            // None is left without.
            fates: fates
                .into_iter()
                .map(|fate| fate.unwrap_or(Fate::Taken))
                .collect(),
            consequences,
            duplicates,
            filed,
        })
    }

    fn fate_of(&self, schema: &str, handled: Handled) -> Result<Fate, BatchError> {
        match handled {
            // One that could not be sent would leave whoever waits for it without an answer for good.
            Handled::Outcome(outcome) if outcome.get().len() > self.ledger.outcome_limit => {
                let reason = format!("an outcome of {schema} is longer than a message");
                Err(BatchError::Failed(reason))
            }
            Handled::Outcome(outcome) => Ok(Fate::Answered(ReplyBody::Outcome(outcome))),
            Handled::Pending => Ok(Fate::Pending),
            Handled::Taken | Handled::PartlyTaken { .. } => Ok(Fate::Taken),
        }
    }

    async fn handle(
        &self,
        transaction: &mut Transaction,
        deliveries: &[Delivery],
        family: Family,
        schema: &str,
        places: &[usize],
        effects: &mut Effects,
    ) -> Result<Vec<Handled>, BatchError> {
        let first = places.first().copied().unwrap_or_default();
        let Some(handler) = self.handlers.find(family, schema) else {
            let reason = format!("nobody here takes messages of the kind {schema}");
            return Err(BatchError::Malformed(first, reason));
        };
        let set: Vec<Encoded<'_>> = places
            .iter()
            .filter_map(|place| deliveries.get(*place))
            .map(|delivery| Encoded {
                context: &delivery.context,
                payload: delivery.payload(),
                origin: delivery.origin.as_deref(),
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
                SetError::Handler(error) => error.into(),
            })
    }
}

/// A handler's panic as an error.
pub(crate) async fn caught<T>(
    attempt: impl Future<Output = Result<T, BatchError>>,
) -> Result<T, BatchError> {
    match AssertUnwindSafe(attempt).catch_unwind().await {
        Ok(result) => result,
        Err(panic) => Err(BatchError::Failed(format!(
            "a handler panicked: {}",
            panic_text(panic.as_ref())
        ))),
    }
}

/// Commits what succeeded and undoes what failed.
pub(crate) async fn finished<T>(
    transaction: Transaction,
    result: Result<T, BatchError>,
) -> Result<T, BatchError> {
    match result {
        Ok(settled) => {
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

/// Fills in what is known of the messages that took effect before.
async fn recall(
    transaction: &mut Transaction,
    deliveries: &[Delivery],
    fates: &mut [Option<Fate>],
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
    for ((delivery, id), fate) in deliveries.iter().zip(&ids).zip(fates) {
        if let Some(record) = recorded.get(id.as_str()) {
            *fate = Some(remembered(delivery, record));
        }
    }
    Ok(())
}

fn remembered(delivery: &Delivery, record: &InboxRecord) -> Fate {
    if delivery.family != Family::Command {
        return Fate::Taken;
    }
    if delivery.fingerprint != record.fingerprint {
        return Fate::Answered(ReplyBody::KeyReused);
    }
    match record.outcome.clone().map(RawValue::from_string) {
        Some(Ok(outcome)) => Fate::Answered(ReplyBody::Outcome(outcome)),
        // Not written by this program; whoever waits is at least told.
        Some(Err(_)) => Fate::Answered(ReplyBody::DeadLettered),
        None => Fate::Pending,
    }
}

/// Notes who waits for the commands whose outcome comes later. `known` = they took effect before.
async fn note_who_waits(
    transaction: &mut Transaction,
    deliveries: &[Delivery],
    fates: &[Option<Fate>],
    known: &[bool],
) -> Result<(), BatchError> {
    let mut addresses = Vec::new();
    let mut begun_before = Vec::new();
    for ((delivery, fate), known) in deliveries.iter().zip(fates).zip(known) {
        if !matches!(fate, Some(Fate::Pending)) {
            continue;
        }
        let waiting = addresses_of(delivery);
        if *known && !waiting.is_empty() {
            begun_before.push(delivery.context.id().to_string());
        }
        addresses.extend(waiting);
    }
    // One that is being settled by another transaction at this moment would leave an address that nobody tells anything.
    begun_before.sort();
    let held = late_outcomes::hold(transaction, &begun_before).await?;
    if held.len() < begun_before.len() {
        return Err(BatchError::Conflict);
    }
    late_outcomes::await_outcomes(transaction, &addresses).await?;
    Ok(())
}

/// The places of those still to be handled, by kind. Kinds in a fixed order, so that two replicas lock in the same one.
fn by_kind<'a>(
    deliveries: &'a [Delivery],
    fates: &[Option<Fate>],
) -> BTreeMap<(Family, &'a str), Vec<usize>> {
    let mut places: BTreeMap<(Family, &str), Vec<usize>> = BTreeMap::new();
    for (place, (delivery, fate)) in deliveries.iter().zip(fates).enumerate() {
        if fate.is_none() {
            let kind = (delivery.family, delivery.schema.as_str());
            places.entry(kind).or_default().push(place);
        }
    }
    places
}

fn record_of(delivery: &Delivery, handled: &Handled) -> InboxRecord {
    InboxRecord {
        id: delivery.context.id().to_string(),
        fingerprint: delivery.fingerprint.clone(),
        outcome: match handled {
            Handled::Outcome(outcome) => Some(outcome.get().to_owned()),
            Handled::Pending => None,
            Handled::Taken | Handled::PartlyTaken { .. } => Some(TAKEN.to_owned()),
        },
        received_at: delivery.context.received_at().as_micros(),
    }
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

impl From<HandlerError> for BatchError {
    fn from(error: HandlerError) -> Self {
        match error {
            HandlerError::Storage(error) => error.into(),
            other => BatchError::Failed(crate::topology::chain(&other)),
        }
    }
}
