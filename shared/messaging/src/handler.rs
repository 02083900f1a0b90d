//! What a service writes: handlers of commands and answers to queries.

use std::{future::Future, marker::PhantomData};

use futures_util::future::BoxFuture;
use muster_contract::{Command, Outcome, Principal, Query};
use muster_storage::{StorageError, Transaction};
use serde_json::value::{RawValue, to_raw_value};

use crate::{Context, Effects};

/// A command, decoded.
#[derive(Debug, Clone)]
pub struct Request<C> {
    /// What is asked for.
    pub body: C,
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

/// Why a set of commands came to nothing.
pub(crate) enum SetError {
    /// The body of the command at this place is not of its type.
    Malformed(usize, serde_json::Error),
    /// The handler's error.
    Handler(HandlerError),
}

/// A command on its way to its handler.
pub(crate) struct Encoded<'a> {
    pub(crate) context: &'a Context,
    pub(crate) payload: &'a [u8],
}

/// [`HandleCommand`] without its type.
pub(crate) trait ErasedCommandHandler: Send + Sync {
    fn handle<'a>(
        &'a self,
        transaction: &'a mut Transaction,
        set: &'a [Encoded<'a>],
        effects: &'a mut Effects,
    ) -> BoxFuture<'a, Result<Vec<Box<RawValue>>, SetError>>;
}

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

impl<C: Command, H: HandleCommand<C>> ErasedCommandHandler for CommandHandlerOf<C, H> {
    fn handle<'a>(
        &'a self,
        transaction: &'a mut Transaction,
        set: &'a [Encoded<'a>],
        effects: &'a mut Effects,
    ) -> BoxFuture<'a, Result<Vec<Box<RawValue>>, SetError>> {
        Box::pin(async move {
            let mut requests = Vec::with_capacity(set.len());
            for (place, encoded) in set.iter().enumerate() {
                let body = serde_json::from_slice(encoded.payload)
                    .map_err(|error| SetError::Malformed(place, error))?;
                requests.push(Request::<C> {
                    body,
                    context: encoded.context.clone(),
                });
            }
            let outcomes = self
                .handler
                .handle(transaction, &requests, effects)
                .await
                .map_err(SetError::Handler)?;
            if outcomes.len() != requests.len() {
                return Err(SetError::Handler(HandlerError::Permanent(format!(
                    "the handler of {} gave {} outcomes for {} commands",
                    C::schema(),
                    outcomes.len(),
                    requests.len()
                ))));
            }
            outcomes
                .iter()
                .map(|outcome| {
                    to_raw_value(outcome)
                        .map_err(|error| SetError::Handler(HandlerError::Encoding(error)))
                })
                .collect()
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
