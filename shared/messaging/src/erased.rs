//! The handlers of a service without their types, so that one list holds them all.

use std::marker::PhantomData;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use muster_contract::{Command, Event, Message, Principal, Query, Report, Signal};
use muster_platform::Timestamp;
use muster_storage::{StorageError, Transaction};
use muster_telemetry::metrics::LevelMetrics;
use serde_json::value::{RawValue, to_raw_value};

use crate::{
    AnswerQuery, Asked, BeginCommand, Context, Effects, HandleCommand, HandlerError, HearSignals,
    Heard, Measure, Periodic, Produced, Progress, React, Reported, Request, TakeReport, Translate,
    Translated,
};

/// Why a set of messages came to nothing.
pub(crate) enum SetError {
    /// The body of the message at this place is not of its type.
    Malformed(usize, serde_json::Error),
    /// The handler's error.
    Handler(HandlerError),
}

/// A message on its way to its handler.
pub(crate) struct Encoded<'a> {
    pub(crate) context: &'a Context,
    pub(crate) payload: &'a [u8],
    /// Of a report: whose it is. Of a producer's message: the subject that it came to.
    pub(crate) origin: Option<&'a str>,
}

/// What a handler made of a message.
pub(crate) enum Handled {
    /// A command's outcome.
    Outcome(Box<RawValue>),
    /// A command's outcome comes later.
    Pending,
    /// An event or a report is taken; nobody waits for an outcome.
    Taken,
    /// So is a producer's message, but for this, which is to be filed.
    PartlyTaken { remainder: Vec<u8>, reason: String },
}

/// A handler of commands, events or reports of one kind, or of what producers publish.
pub(crate) trait ErasedHandler: Send + Sync {
    /// One for each of the set, in order.
    fn handle<'a>(
        &'a self,
        transaction: &'a mut Transaction,
        set: &'a [Encoded<'a>],
        effects: &'a mut Effects,
    ) -> BoxFuture<'a, Result<Vec<Handled>, SetError>>;
}

/// A handler that comes to each outcome at once, as one that need not.
pub(crate) struct AtOnce<H>(pub(crate) H);

impl<C: Command, H: HandleCommand<C>> BeginCommand<C> for AtOnce<H> {
    async fn begin(
        &self,
        transaction: &mut Transaction,
        requests: &[Request<C>],
        effects: &mut Effects,
    ) -> Result<Vec<Progress<C>>, HandlerError> {
        let outcomes = self.0.handle(transaction, requests, effects).await?;
        Ok(outcomes.into_iter().map(Progress::Settled).collect())
    }
}

/// A handler of commands.
pub(crate) struct CommandHandlerOf<C, H> {
    handler: H,
    _command: PhantomData<fn() -> C>,
}

impl<C, H> CommandHandlerOf<C, H> {
    pub(crate) fn new(handler: H) -> Self {
        Self {
            handler,
            _command: PhantomData,
        }
    }
}

impl<C: Command, H: BeginCommand<C>> ErasedHandler for CommandHandlerOf<C, H> {
    fn handle<'a>(
        &'a self,
        transaction: &'a mut Transaction,
        set: &'a [Encoded<'a>],
        effects: &'a mut Effects,
    ) -> BoxFuture<'a, Result<Vec<Handled>, SetError>> {
        Box::pin(async move {
            let requests = decode::<C>(set)?;
            let progress = self
                .handler
                .begin(transaction, &requests, effects)
                .await
                .map_err(SetError::Handler)?;
            if progress.len() != requests.len() {
                return Err(SetError::Handler(HandlerError::Permanent(format!(
                    "the handler of {} gave {} outcomes for {} commands",
                    C::schema(),
                    progress.len(),
                    requests.len()
                ))));
            }
            progress
                .iter()
                .map(|progress| match progress {
                    Progress::Settled(outcome) => to_raw_value(outcome)
                        .map(Handled::Outcome)
                        .map_err(|error| SetError::Handler(HandlerError::Encoding(error))),
                    Progress::Pending => Ok(Handled::Pending),
                })
                .collect()
        })
    }
}

/// A reaction to events.
pub(crate) struct ReactionOf<E, H> {
    handler: H,
    _event: PhantomData<fn() -> E>,
}

impl<E, H> ReactionOf<E, H> {
    pub(crate) fn new(handler: H) -> Self {
        Self {
            handler,
            _event: PhantomData,
        }
    }
}

impl<E: Event, H: React<E>> ErasedHandler for ReactionOf<E, H> {
    fn handle<'a>(
        &'a self,
        transaction: &'a mut Transaction,
        set: &'a [Encoded<'a>],
        effects: &'a mut Effects,
    ) -> BoxFuture<'a, Result<Vec<Handled>, SetError>> {
        Box::pin(async move {
            let events = decode::<E>(set)?;
            self.handler
                .react(transaction, &events, effects)
                .await
                .map_err(SetError::Handler)?;
            Ok(events.iter().map(|_| Handled::Taken).collect())
        })
    }
}

/// A handler of reports.
pub(crate) struct ReportHandlerOf<R, H> {
    handler: H,
    _report: PhantomData<fn() -> R>,
}

impl<R, H> ReportHandlerOf<R, H> {
    pub(crate) fn new(handler: H) -> Self {
        Self {
            handler,
            _report: PhantomData,
        }
    }
}

impl<R: Report, H: TakeReport<R>> ErasedHandler for ReportHandlerOf<R, H> {
    fn handle<'a>(
        &'a self,
        transaction: &'a mut Transaction,
        set: &'a [Encoded<'a>],
        effects: &'a mut Effects,
    ) -> BoxFuture<'a, Result<Vec<Handled>, SetError>> {
        Box::pin(async move {
            let reports: Vec<Reported<R>> = decode::<R>(set)?
                .into_iter()
                .zip(set)
                .map(|(request, encoded)| Reported {
                    agent: encoded.origin.unwrap_or_default().to_owned(),
                    body: request.body,
                    context: request.context,
                })
                .collect();
            self.handler
                .take(transaction, &reports, effects)
                .await
                .map_err(SetError::Handler)?;
            Ok(reports.iter().map(|_| Handled::Taken).collect())
        })
    }
}

/// Whoever translates what producers publish.
pub(crate) struct TranslatorOf<H>(pub(crate) H);

impl<H: Translate> ErasedHandler for TranslatorOf<H> {
    fn handle<'a>(
        &'a self,
        transaction: &'a mut Transaction,
        set: &'a [Encoded<'a>],
        effects: &'a mut Effects,
    ) -> BoxFuture<'a, Result<Vec<Handled>, SetError>> {
        Box::pin(async move {
            let messages: Vec<Produced> = set
                .iter()
                .map(|encoded| Produced {
                    subject: encoded.origin.unwrap_or_default().to_owned(),
                    payload: Bytes::copy_from_slice(encoded.payload),
                    context: encoded.context.clone(),
                })
                .collect();
            let translated = self
                .0
                .translate(transaction, &messages, effects)
                .await
                .map_err(SetError::Handler)?;
            if translated.len() != messages.len() {
                let reason = "not every message of a producer was translated".to_owned();
                return Err(SetError::Handler(HandlerError::Permanent(reason)));
            }
            Ok(translated
                .into_iter()
                .map(|translated| match translated {
                    Translated::Whole => Handled::Taken,
                    Translated::Partly { remainder, reason } => {
                        Handled::PartlyTaken { remainder, reason }
                    }
                })
                .collect())
        })
    }
}

fn decode<M: Message>(set: &[Encoded<'_>]) -> Result<Vec<Request<M>>, SetError> {
    set.iter()
        .enumerate()
        .map(|(place, encoded)| {
            let body = serde_json::from_slice(encoded.payload)
                .map_err(|error| SetError::Malformed(place, error))?;
            Ok(Request {
                body,
                context: encoded.context.clone(),
            })
        })
        .collect()
}

/// [`Periodic`] without its type.
pub(crate) trait ErasedPeriodic: Send + Sync {
    fn run<'a>(
        &'a self,
        transaction: &'a mut Transaction,
        cause: &'a Context,
        effects: &'a mut Effects,
    ) -> BoxFuture<'a, Result<bool, HandlerError>>;
}

impl<P: Periodic> ErasedPeriodic for P {
    fn run<'a>(
        &'a self,
        transaction: &'a mut Transaction,
        cause: &'a Context,
        effects: &'a mut Effects,
    ) -> BoxFuture<'a, Result<bool, HandlerError>> {
        Box::pin(Periodic::run(self, transaction, cause, effects))
    }
}

/// [`Measure`] without its type.
pub(crate) trait ErasedMeasure: Send + Sync {
    fn measure<'a>(
        &'a self,
        levels: &'a LevelMetrics,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), StorageError>>;
}

impl<M: Measure> ErasedMeasure for M {
    fn measure<'a>(
        &'a self,
        levels: &'a LevelMetrics,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), StorageError>> {
        Box::pin(Measure::measure(self, levels, now))
    }
}

/// What an agent said of itself, on its way to whoever hears it.
pub(crate) struct EncodedSignal {
    pub(crate) agent: String,
    pub(crate) payload: Bytes,
    pub(crate) at: Timestamp,
}

/// A signal that is none of its type.
pub(crate) struct Unintelligible {
    pub(crate) agent: String,
    pub(crate) error: serde_json::Error,
}

/// [`HearSignals`] without its type.
pub(crate) trait ErasedHearing: Send + Sync {
    /// Hears those that can be understood, and returns the others.
    fn hear<'a>(
        &'a self,
        transaction: &'a mut Transaction,
        signals: &'a [EncodedSignal],
        cause: &'a Context,
        effects: &'a mut Effects,
    ) -> BoxFuture<'a, Result<Vec<Unintelligible>, HandlerError>>;
}

/// Whoever hears signals of one kind.
pub(crate) struct HearingOf<S, H> {
    handler: H,
    _signal: PhantomData<fn() -> S>,
}

impl<S, H> HearingOf<S, H> {
    pub(crate) fn new(handler: H) -> Self {
        Self {
            handler,
            _signal: PhantomData,
        }
    }
}

impl<S: Signal, H: HearSignals<S>> ErasedHearing for HearingOf<S, H> {
    fn hear<'a>(
        &'a self,
        transaction: &'a mut Transaction,
        signals: &'a [EncodedSignal],
        cause: &'a Context,
        effects: &'a mut Effects,
    ) -> BoxFuture<'a, Result<Vec<Unintelligible>, HandlerError>> {
        Box::pin(async move {
            let mut heard = Vec::with_capacity(signals.len());
            let mut unintelligible = Vec::new();
            for signal in signals {
                let agent = signal.agent.clone();
                match serde_json::from_slice::<S>(&signal.payload) {
                    Ok(body) => heard.push(Heard {
                        agent,
                        body,
                        at: signal.at,
                    }),
                    Err(error) => unintelligible.push(Unintelligible { agent, error }),
                }
            }
            if !heard.is_empty() {
                self.handler
                    .hear(transaction, &heard, cause, effects)
                    .await?;
            }
            Ok(unintelligible)
        })
    }
}

/// [`AnswerQuery`] without its type.
pub(crate) trait ErasedQueryHandler: Send + Sync {
    fn answer<'a>(
        &'a self,
        payload: &'a [u8],
        principal: Option<Principal>,
    ) -> BoxFuture<'a, Result<Vec<u8>, HandlerError>>;
}

pub(crate) struct QueryHandlerOf<Q, H> {
    handler: H,
    _query: PhantomData<fn() -> Q>,
}

impl<Q, H> QueryHandlerOf<Q, H> {
    pub(crate) fn new(handler: H) -> Self {
        Self {
            handler,
            _query: PhantomData,
        }
    }
}

impl<Q: Query, H: AnswerQuery<Q>> ErasedQueryHandler for QueryHandlerOf<Q, H> {
    fn answer<'a>(
        &'a self,
        payload: &'a [u8],
        principal: Option<Principal>,
    ) -> BoxFuture<'a, Result<Vec<u8>, HandlerError>> {
        Box::pin(async move {
            let body = serde_json::from_slice(payload).map_err(HandlerError::Encoding)?;
            let outcome = self.handler.answer(Asked::<Q> { body, principal }).await?;
            serde_json::to_vec(&outcome).map_err(HandlerError::Encoding)
        })
    }
}
