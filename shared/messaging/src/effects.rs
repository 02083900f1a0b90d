//! What a handler wants sent once its transaction has committed.

use std::{borrow::Cow, collections::HashMap, sync::Arc, time::Duration};

use muster_contract::{
    Command, Event, Order, Principal, headers,
    topology::{EVENT_STREAM, ORDER_STREAM},
};
use muster_platform::Ids;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

use crate::{
    Context, HandlerError, OutcomeOf,
    about::Sent,
    outbox_message::{OutboxMessage, Payload, PendingRow},
};

/// What effects come to.
pub(crate) struct Parts {
    pub(crate) rows: Vec<PendingRow>,
    pub(crate) settled: Vec<(Uuid, Box<RawValue>)>,
    pub(crate) sent: HashMap<Uuid, Sent>,
    pub(crate) waits: Vec<(&'static str, Duration)>,
}

/// Collects events, onward commands and orders; they become rows of the transaction.
pub struct Effects {
    ids: Arc<dyn Ids>,
    /// Bytes that the body of a message may have.
    limit: usize,
    /// Bytes that an outcome may have.
    outcome_limit: usize,
    rows: Vec<PendingRow>,
    settled: Vec<(Uuid, Box<RawValue>)>,
    /// Of messages that are about something: by their ids.
    sent: HashMap<Uuid, Sent>,
    /// Of requests that were granted: in which queue they waited, and for how long.
    waits: Vec<(&'static str, Duration)>,
}

impl Effects {
    pub(crate) fn new(ids: Arc<dyn Ids>, limit: usize, outcome_limit: usize) -> Self {
        Self {
            ids,
            limit,
            outcome_limit,
            rows: Vec::new(),
            settled: Vec::new(),
            sent: HashMap::new(),
            waits: Vec::new(),
        }
    }

    /// Tells the fact to whoever listens.
    pub fn emit<E: Event>(&mut self, cause: &Context, event: &E) -> Result<(), HandlerError> {
        let headers = vec![(headers::SCHEMA.into(), E::schema())];
        self.add(cause, EVENT_STREAM, event.subject(), headers, event)
    }

    /// Asks another service (or this one) for something, on behalf of whoever caused it.
    pub fn command<C: Command>(
        &mut self,
        cause: &Context,
        command: &C,
    ) -> Result<(), HandlerError> {
        let mut headers = vec![(headers::SCHEMA.into(), C::schema())];
        if let Some(principal) = cause.principal() {
            headers.push((headers::PRINCIPAL.into(), encode_principal(principal)?));
        }
        let stream = C::SERVICE.command_stream();
        self.add(cause, stream, C::subject(), headers, command)
    }

    /// Has the agent do something. It may do it more than once: what must not be done twice, the body has to tell apart.
    pub fn order<O: Order>(
        &mut self,
        cause: &Context,
        agent: &str,
        order: &O,
    ) -> Result<(), HandlerError> {
        let headers = vec![(headers::SCHEMA.into(), O::schema())];
        self.add(cause, ORDER_STREAM, O::subject(agent), headers, order)
    }

    /// Gives a command its outcome that this service has begun and left [pending](crate::Progress::Pending), by its
    /// [id](Context::id). The outcome is stored in this transaction and told after the commit to whoever waits. The first
    /// outcome stays: one for a command that has come to its end already changes nothing.
    pub fn settle<C: Command>(
        &mut self,
        command: Uuid,
        outcome: &OutcomeOf<C>,
    ) -> Result<(), HandlerError> {
        let outcome = to_raw_value(outcome).map_err(HandlerError::Encoding)?;
        // One that could not be sent would leave whoever waits for it without an answer for good.
        if outcome.get().len() > self.outcome_limit {
            let reason = format!("an outcome of {} is longer than a message", C::schema());
            return Err(HandlerError::Permanent(reason));
        }
        if self.settled.iter().all(|(id, _)| *id != command) {
            self.settled.push((command, outcome));
        }
        Ok(())
    }

    /// A request of `queue` (one of a few fixed names) is granted after it has waited for so long. For the metrics: counted once this
    /// transaction has committed.
    pub fn granted_after(&mut self, queue: &'static str, waited: Duration) {
        self.waits.push((queue, waited));
    }

    /// Publishes a message again as it once came, under a new identity for the broker and its old one for the inbox.
    pub(crate) fn again(&mut self, stream: &str, message: OutboxMessage) {
        self.row(stream).messages.push(message);
    }

    /// A new id.
    #[must_use]
    pub fn next_id(&self) -> Uuid {
        self.ids.next()
    }

    /// What has to be stored and published, the outcomes of commands begun earlier, and what the messages have to do with what
    /// set them off.
    pub(crate) fn into_parts(self) -> Parts {
        Parts {
            rows: self.rows,
            settled: self.settled,
            sent: self.sent,
            waits: self.waits,
        }
    }

    fn add<M: Serialize>(
        &mut self,
        cause: &Context,
        stream: &str,
        subject: String,
        mut headers: Vec<(Cow<'static, str>, String)>,
        body: &M,
    ) -> Result<(), HandlerError> {
        let body = to_raw_value(body).map_err(HandlerError::Encoding)?;
        // In the outbox it would be tried for ever.
        if body.get().len() > self.limit {
            return Err(HandlerError::Permanent(format!(
                "a message to {subject} is longer than {} bytes",
                self.limit
            )));
        }
        headers.push((
            headers::CORRELATION_ID.into(),
            cause.correlation_id().to_string(),
        ));
        headers.push((headers::CAUSATION_ID.into(), cause.id().to_string()));
        if let Some((parent, state)) = &cause.inner.trace {
            headers.push((headers::TRACE_PARENT.into(), parent.clone()));
            if !state.is_empty() {
                headers.push((headers::TRACE_STATE.into(), state.clone()));
            }
        }
        let id = self.ids.next();
        if let Some(sent) = Sent::of(cause, body.get()) {
            self.sent.insert(id, sent);
        }
        let message = OutboxMessage {
            id,
            subject,
            headers,
            payload: Payload::Json(body),
        };
        self.row(stream).messages.push(message);
        Ok(())
    }

    /// The row for the stream: one for each, however many messages it gets.
    fn row(&mut self, stream: &str) -> &mut PendingRow {
        let place = self.rows.iter().position(|row| row.stream == stream);
        let place = place.unwrap_or_else(|| {
            self.rows.push(PendingRow {
                id: self.ids.next(),
                stream: stream.to_owned(),
                messages: Vec::new(),
            });
            self.rows.len() - 1
        });
        #[expect(
            clippy::indexing_slicing,
            reason = "the place was found or made just above"
        )]
        &mut self.rows[place]
    }
}

pub(crate) fn encode_principal(principal: &Principal) -> Result<String, HandlerError> {
    // Header values are one line; JSON escapes line breaks.
    serde_json::to_string(principal).map_err(HandlerError::Encoding)
}
