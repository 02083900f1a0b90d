//! What a service writes: handlers of commands, reactions to events and reports, answers to queries, what agents say of themselves, and
//! what is due by time.

use std::future::Future;

use bytes::Bytes;
use muster_contract::{Command, Event, Outcome, Principal, Query, Report, Signal};
use muster_platform::Timestamp;
use muster_storage::{StorageError, Transaction};
use muster_telemetry::metrics::LevelMetrics;

use crate::{Context, Effects};

/// A command or an event, decoded.
#[derive(Debug, Clone)]
pub struct Request<M> {
    /// What is asked for, or what has happened.
    pub body: M,
    /// What else is known of it.
    pub context: Context,
}

/// How a command of this kind came out.
pub type OutcomeOf<C> = Outcome<<C as Command>::Reply, <C as Command>::Refusal>;

/// Carries out the commands of one kind.
pub trait HandleCommand<C: Command>: Send + Sync + 'static {
    /// The commands of one kind in a batch, together, so that sets can be read and written. Returns one outcome for
    /// each, in the same order. The transaction also holds their inbox and outbox rows; an error undoes them all, and
    /// each is then tried alone.
    fn handle(
        &self,
        transaction: &mut Transaction,
        requests: &[Request<C>],
        effects: &mut Effects,
    ) -> impl Future<Output = Result<Vec<OutcomeOf<C>>, HandlerError>> + Send;
}

/// How far a command is.
pub enum Progress<C: Command> {
    /// It has come to its end.
    Settled(OutcomeOf<C>),
    /// The outcome comes later, by [`Effects::settle`] with the command's [id](Context::id).
    Pending,
}

/// Begins commands whose outcome may depend on others: another service, a queue, a node.
pub trait BeginCommand<C: Command>: Send + Sync + 'static {
    /// Like [`HandleCommand::handle`], but for those commands whose outcome is not known yet. Whoever waits for such a
    /// command is told when it is settled; sent again until then, it is not begun again.
    fn begin(
        &self,
        transaction: &mut Transaction,
        requests: &[Request<C>],
        effects: &mut Effects,
    ) -> impl Future<Output = Result<Vec<Progress<C>>, HandlerError>> + Send;
}

/// Reacts to events of one kind, its own service's or another's.
pub trait React<E: Event>: Send + Sync + 'static {
    /// The events of one kind in a batch, together, each exactly once in effect. The transaction also holds their inbox
    /// and outbox rows. Events come in whatever order, and long after they happened where this service is new: what they
    /// say is to be checked against the state.
    fn react(
        &self,
        transaction: &mut Transaction,
        events: &[Request<E>],
        effects: &mut Effects,
    ) -> impl Future<Output = Result<(), HandlerError>> + Send;
}

/// What an agent says, decoded.
#[derive(Debug, Clone)]
pub struct Reported<R> {
    /// Whose report it is: from the subject, under which the broker lets nobody else publish.
    pub agent: String,
    /// What is reported.
    pub body: R,
    /// What else is known of it. No principal: an agent acts for nobody.
    pub context: Context,
}

/// Takes reports of one kind.
pub trait TakeReport<R: Report>: Send + Sync + 'static {
    /// The reports of one kind in a batch, together, each exactly once in effect. The transaction also holds their inbox and
    /// outbox rows. A report may be late, of an order that nobody waits for any more, or of another agent's order: what it
    /// says is to be checked against the state.
    fn take(
        &self,
        transaction: &mut Transaction,
        reports: &[Reported<R>],
        effects: &mut Effects,
    ) -> impl Future<Output = Result<(), HandlerError>> + Send;
}

/// A message of a producer, as it came: no message of the contract.
#[derive(Debug, Clone)]
pub struct Produced {
    /// The subject that it was published to: the broker lets only those publish there whom the site names.
    pub subject: String,
    /// Its body.
    pub payload: Bytes,
    /// What else is known of it. No principal: whom its subject stands for, the service knows.
    pub context: Context,
}

/// How much of a producer's message was of use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Translated {
    /// All of it has taken effect.
    Whole,
    /// Some of it can take none. It is filed as a dead letter in the same transaction; the rest has taken effect.
    Partly {
        /// What could be sent again once the reason is gone.
        remainder: Vec<u8>,
        /// Why it could not be used.
        reason: String,
    },
}

/// Makes what producers publish into what the service does.
pub trait Translate: Send + Sync + 'static {
    /// The messages of a batch, each exactly once in effect, in the order in which they came to the broker. The transaction
    /// also holds their inbox and outbox rows. Returns one for each. Producers are not told anything: what is wrong
    /// with a message becomes a dead letter.
    fn translate(
        &self,
        transaction: &mut Transaction,
        messages: &[Produced],
        effects: &mut Effects,
    ) -> impl Future<Output = Result<Vec<Translated>, HandlerError>> + Send;
}

/// What an agent said of itself, decoded.
#[derive(Debug, Clone)]
pub struct Heard<S> {
    /// Who said it: from the subject, under which the broker lets nobody else publish.
    pub agent: String,
    /// What.
    pub body: S,
    /// When it came here.
    pub at: Timestamp,
}

/// Hears what agents say of themselves.
///
/// The replicas of a service share what is said, in whatever way the broker deals it out: what one of them has heard of an
/// agent the others learn from the tables alone.
pub trait HearSignals<S: Signal>: Send + Sync + 'static {
    /// What was said lately, in the order in which it came; of one agent there may be several. Nothing of it comes twice, and
    /// some of it may never come: what matters is said again. One run of this is like one of [`Periodic`], with a transaction
    /// and a `cause` of its own. An error undoes the run, and what was said is forgotten.
    fn hear(
        &self,
        transaction: &mut Transaction,
        signals: &[Heard<S>],
        cause: &Context,
        effects: &mut Effects,
    ) -> impl Future<Output = Result<(), HandlerError>> + Send;
}

/// Work that is due by time: expiry, deadlines of a queue.
///
/// Each replica of a service does it, at about the same time. What is due must be taken so that a second one finds it done:
/// by an update that looks at the state, not by reading first.
pub trait Periodic: Send + Sync + 'static {
    /// Does a part of what is due, bounded so that the transaction is short, and tells whether there may be more: then it
    /// is called again at once. `cause` stands for this run in what it sends: a correlation id and a trace of its own, and
    /// no principal. An error undoes the run; it is tried again later.
    fn run(
        &self,
        transaction: &mut Transaction,
        cause: &Context,
        effects: &mut Effects,
    ) -> impl Future<Output = Result<bool, HandlerError>> + Send;
}

/// Reads levels for metrics: how many there are of something in the service's tables.
///
/// Each replica does it every few seconds, so the statements have to be cheap: by an index, and of what is live alone.
pub trait Measure: Send + Sync + 'static {
    /// Reads them, and sets each metric as a whole.
    fn measure(
        &self,
        levels: &LevelMetrics,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), StorageError>> + Send;
}

/// A query, decoded.
#[derive(Debug, Clone)]
pub struct Asked<Q> {
    /// What is asked.
    pub body: Q,
    /// Who asks.
    pub principal: Option<Principal>,
}

/// Answers queries of one kind from the service's tables.
pub trait AnswerQuery<Q: Query>: Send + Sync + 'static {
    /// The answer. It must see every write whose outcome has been told to anybody.
    fn answer(
        &self,
        asked: Asked<Q>,
    ) -> impl Future<Output = Result<Outcome<Q::Answer, Q::Refusal>, HandlerError>> + Send;
}

/// Why a handler came to no outcome. Not for refusals: those are outcomes.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// The database.
    #[error("database")]
    Storage(#[from] StorageError),
    /// This message can never be processed.
    #[error("{0}")]
    Permanent(String),
    /// A body or an outcome that is no JSON of its type.
    #[error("encoding")]
    Encoding(#[source] serde_json::Error),
}
