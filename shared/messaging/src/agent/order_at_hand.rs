//! One order, from its delivery to its report.

use std::time::Duration;

use async_nats::{
    HeaderMap,
    jetstream::{self, AckKind},
};
use bytes::Bytes;
use muster_contract::{Order, Report, headers, topology::ORDER_ACKNOWLEDGE_WAIT};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::{Span, error, warn};
use uuid::Uuid;

use super::AgentBroker;
use crate::{header_map, spans, topology::chain};

/// How often the broker is told that the order is being worked on.
const KEEPING_INTERVAL: Duration = Duration::from_secs(3);

const _: () = assert!(
    KEEPING_INTERVAL.as_millis() * 3 <= ORDER_ACKNOWLEDGE_WAIT.as_millis(),
    "two lost words must not make the broker deliver the order again"
);

/// Pause before a report is published again that the broker did not take.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// Why a report is not stored.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// It is no JSON, or longer than a message may be.
    #[error("a report that cannot be sent: {0}")]
    Unfit(String),
    /// Stopped while the broker was away. The order comes again.
    #[error("stopped before the broker took the report")]
    Stopped,
}

/// An order that this agent has. The broker is told that it is being worked on for as long as this lives; dropped without a
/// word it is delivered again after [`ORDER_ACKNOWLEDGE_WAIT`].
pub struct OrderAtHand {
    broker: AgentBroker,
    message: jetstream::Message,
    id: Uuid,
    schema: String,
    correlation_id: Option<String>,
    delivered: i64,
    /// When the broker stored it: microseconds since 1970.
    stored_at: i64,
    span: Span,
    _keeping: AbortOnDropHandle<()>,
}

impl OrderAtHand {
    /// Reads the headers. A message that is none of the contract's is thrown away: there is nobody who could be told.
    pub(super) async fn read(broker: AgentBroker, message: jetstream::Message) -> Option<Self> {
        let none = HeaderMap::new();
        let map = message.headers.as_ref().unwrap_or(&none);
        let id = header_map::get(map, headers::MESSAGE_ID).and_then(|id| id.parse().ok());
        let schema = header_map::get(map, headers::SCHEMA).map(str::to_owned);
        let place = message.info().map(|info| {
            (
                info.stream_sequence,
                info.delivered,
                info.published.unix_timestamp_nanos(),
            )
        });
        let (Some(id), Some(schema), Ok((sequence, delivered, published))) = (id, schema, place)
        else {
            error!(target: "muster::messaging", subject = %message.subject, "an order without the headers of one");
            let _ = message.ack_with(AckKind::Term).await;
            return None;
        };
        let stored_at = i64::try_from(published / 1_000).unwrap_or_default();
        let span = spans::process_order(&message, broker.agent(), sequence, delivered, map, id);
        if let Some(measured) = &broker.measured {
            measured.taken(&span, stored_at);
        }
        let correlation_id = header_map::get(map, headers::CORRELATION_ID).map(str::to_owned);
        let keeping = tokio::spawn(keep(broker.clone(), message.reply.clone()));
        Some(Self {
            broker,
            message,
            id,
            schema,
            correlation_id,
            delivered,
            stored_at,
            span,
            _keeping: AbortOnDropHandle::new(keeping),
        })
    }

    /// Its identity; the same whenever it is delivered.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// What kind of order it is: `O::schema()` of the message type it [decodes](Self::decode) to.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// How often it was delivered, this time included.
    #[must_use]
    pub fn delivered(&self) -> i64 {
        self.delivered
    }

    /// The body as it came: JSON.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.message.payload
    }

    /// The span of working on it, a child of that of whoever ordered it. Open until this is dropped.
    #[must_use]
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// Says in its span that what was ordered could not be done; `kind` is one of a few fixed words.
    pub fn failed(&self, kind: &'static str, reason: &str) {
        spans::fail(&self.span, kind, reason);
    }

    /// The order.
    ///
    /// # Errors
    /// It is of another kind, or of a version that this agent does not know.
    pub fn decode<O: Order>(&self) -> Result<O, serde_json::Error> {
        serde_json::from_slice(&self.message.payload)
    }

    /// Says what came of it, until the broker has stored that or `stop`; then the order is done with. Said twice it counts
    /// once.
    ///
    /// # Errors
    /// The broker has not stored it. The order is delivered again.
    pub async fn report<R: Report>(
        self,
        report: &R,
        stop: &CancellationToken,
    ) -> Result<(), ReportError> {
        let body = body_of(&self.broker, report)?;
        let subject = R::subject(self.broker.agent());
        let id = report_id(self.id, &R::schema());
        let span = spans::send_report(&self.span, &subject, id, self.correlation_id.as_deref());
        let map = self.headers_of(&R::schema(), id, &span);
        store(&self.broker, subject, map, body, stop).await?;
        if let Some(measured) = &self.broker.measured {
            measured.reported(&self.schema, self.stored_at);
        }
        // Unacknowledged it comes again, and is remembered.
        let _ = self.message.ack().await;
        Ok(())
    }

    /// Throws it away without a report: nobody waits for one, or there can be none.
    pub async fn discard(self, reason: &str) {
        warn!(target: "muster::messaging", order = %self.id, schema = self.schema, reason, "an order is not carried out");
        let _ = self.message.ack_with(AckKind::Term).await;
    }

    /// Gives it back, undone: it is delivered at once to whoever asks for orders of this agent.
    pub async fn give_back(self) {
        let _ = self.message.ack_with(AckKind::Nak(None)).await;
    }

    fn headers_of(&self, schema: &str, id: Uuid, span: &Span) -> HeaderMap {
        let mut map = HeaderMap::new();
        header_map::set(&mut map, headers::MESSAGE_ID, id.to_string());
        header_map::set(&mut map, headers::SCHEMA, schema);
        header_map::set(&mut map, headers::CAUSATION_ID, self.id.to_string());
        if let Some(correlation_id) = &self.correlation_id {
            header_map::set(&mut map, headers::CORRELATION_ID, correlation_id.as_str());
        }
        if let Some(trace) = self.message.headers.as_ref() {
            // Where nothing is traced here the trace goes on all the same.
            for name in [headers::TRACE_PARENT, headers::TRACE_STATE] {
                if let Some(value) = header_map::get(trace, name) {
                    header_map::set(&mut map, name, value);
                }
            }
        }
        spans::inject(span, &mut map);
        map
    }
}

/// A report as it is sent.
pub(super) fn body_of<R: Report>(broker: &AgentBroker, report: &R) -> Result<Bytes, ReportError> {
    let body = serde_json::to_vec(report).map_err(|error| ReportError::Unfit(error.to_string()))?;
    let limit = broker.link.body_limit();
    if body.len() > limit {
        let reason = format!("it is longer than {limit} bytes");
        return Err(ReportError::Unfit(reason));
    }
    Ok(body.into())
}

/// Publishes a report until the broker has stored it, or `stop`.
pub(super) async fn store(
    broker: &AgentBroker,
    subject: String,
    map: HeaderMap,
    body: Bytes,
    stop: &CancellationToken,
) -> Result<(), ReportError> {
    let publish = async || {
        let sending =
            broker
                .link
                .jetstream
                .publish_with_headers(subject.clone(), map.clone(), body.clone());
        sending.await?.await
    };
    let until_stored = async {
        while let Err(error) = publish().await {
            warn!(target: "muster::messaging", error = %chain(&error), "a report was not taken; publishing it again");
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    };
    // One that can be published at once is published even when we are to stop.
    tokio::select! {
        biased;
        () = until_stored => Ok(()),
        () = async { stop.cancelled().await; tokio::time::sleep(RETRY_PAUSE * 4).await; } => {
            Err(ReportError::Stopped)
        }
    }
}

/// The identity of the report of an order: the same however often it is published.
fn report_id(order: Uuid, schema: &str) -> Uuid {
    Uuid::new_v5(&order, schema.as_bytes())
}

/// Tells the broker again and again that the order is being worked on.
async fn keep(broker: AgentBroker, address: Option<async_nats::Subject>) {
    let Some(address) = address else { return };
    loop {
        tokio::time::sleep(KEEPING_INTERVAL).await;
        // While it is away this would only pile up.
        if broker.is_connected() {
            let progress = AckKind::Progress.into();
            let _ = broker.link.client.publish(address.clone(), progress).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_order_has_one_report_of_a_kind() {
        let order = Uuid::from_u128(1);
        assert_eq!(report_id(order, "a/1"), report_id(order, "a/1"));
        assert_ne!(report_id(order, "a/1"), report_id(order, "b/1"));
        assert_ne!(
            report_id(order, "a/1"),
            report_id(Uuid::from_u128(2), "a/1")
        );
    }
}
