//! A message as it came from a stream.

use std::str::FromStr;

use async_nats::{HeaderMap, jetstream};
use muster_contract::{Principal, headers};
use muster_platform::Timestamp;
use muster_telemetry::propagation;
use tracing::Span;
use uuid::Uuid;

use crate::{
    about,
    context::{Context, Known},
    header_map,
    source::{Family, Source},
    spans,
};

/// Name space of the ids of reports (UUID version 5, RFC 9562).
const REPORTS: Uuid = Uuid::from_u128(0x3c1f_8a7e_62d4_5c0b_8f15_6d75_7374_6572);

/// Name space of the ids of what producers publish.
const PRODUCTIONS: Uuid = Uuid::from_u128(0x8a54_0d1e_93b7_5f26_a1c4_6d75_7374_6572);

/// A message that can be given to a handler.
pub(crate) struct Delivery {
    pub(crate) raw: Raw,
    pub(crate) context: Context,
    pub(crate) family: Family,
    /// Of a report: whose it is. Of a producer's message: the subject that it came to.
    pub(crate) origin: Option<String>,
    pub(crate) schema: String,
    /// Where somebody waits for the outcome, if that was still so when this was read.
    pub(crate) reply_to: Option<String>,
    /// Until when, in microseconds since 1970 (UTC).
    pub(crate) deadline: Option<i64>,
    pub(crate) fingerprint: Option<String>,
    /// Others under the same id that came before this one was settled. All are acknowledged and answered together.
    pub(crate) twins: Vec<Delivery>,
    /// The `process` span; closed when the message is settled.
    pub(crate) span: Span,
}

/// A message whose headers are not those of the contract.
pub(crate) struct Unreadable {
    pub(crate) raw: Box<Raw>,
    /// What is wrong with them.
    pub(crate) reason: String,
}

/// The message and where in its stream it stands.
pub(crate) struct Raw {
    pub(crate) message: jetstream::Message,
    pub(crate) stream: &'static str,
    pub(crate) consumer: &'static str,
    pub(crate) stream_sequence: u64,
    pub(crate) delivered: i64,
    /// When the broker stored it: nanoseconds since 1970 (UTC).
    pub(crate) published: i128,
    /// When the stream stored it, in microseconds since 1970 (UTC), by the broker's clock.
    pub(crate) stored_at: i64,
}

impl Raw {
    pub(crate) fn of(
        message: jetstream::Message,
        source: &Source,
    ) -> Result<Self, async_nats::Error> {
        let info = message.info()?;
        let (stream_sequence, delivered) = (info.stream_sequence, info.delivered);
        let published = info.published.unix_timestamp_nanos();
        let stored_at = info.published.unix_timestamp_nanos() / 1_000;
        let stored_at = i64::try_from(stored_at).unwrap_or_default();
        Ok(Self {
            message,
            stream: source.stream,
            consumer: source.consumer,
            stream_sequence,
            delivered,
            published,
            stored_at,
        })
    }

    /// An identity of a message that brings none: where it is stored and since when. A stream that is lost and made again counts
    /// from 1, so its number alone is none.
    fn id(&self) -> Uuid {
        let name = format!(
            "{}:{}:{}",
            self.stream, self.stream_sequence, self.published
        );
        Uuid::new_v5(&PRODUCTIONS, name.as_bytes())
    }

    pub(crate) fn headers(&self) -> Vec<(String, String)> {
        let Some(headers) = &self.message.headers else {
            return Vec::new();
        };
        headers
            .iter()
            .flat_map(|(name, values)| {
                values
                    .iter()
                    .map(move |value| (name.to_string(), value.as_str().to_owned()))
            })
            .collect()
    }
}

impl Delivery {
    /// Reads the headers.
    pub(crate) fn read(raw: Raw, source: &Source, now: Timestamp) -> Result<Self, Unreadable> {
        let (family, origin) = source.origin(&raw.message.subject);
        if family == Family::Production {
            return Self::of_producer(raw, origin, now);
        }
        match read_headers(&raw, family, origin.as_deref(), now) {
            Ok(read) => Ok(Self {
                family,
                origin,
                raw,
                context: read.context,
                schema: read.schema,
                reply_to: read.reply_to,
                deadline: read.deadline,
                fingerprint: read.fingerprint,
                twins: Vec::new(),
                span: read.span,
            }),
            Err(reason) => Err(Unreadable {
                raw: Box::new(raw),
                reason,
            }),
        }
    }

    /// A producer gives its messages no headers that mean anything here, and no ids: each is itself alone, however alike two of
    /// them are.
    fn of_producer(raw: Raw, origin: Option<String>, now: Timestamp) -> Result<Self, Unreadable> {
        let none = HeaderMap::new();
        let map = raw.message.headers.as_ref().unwrap_or(&none);
        let first = header_map::get(map, headers::PRODUCER_SUBJECT).map(str::to_owned);
        let Some(subject) = origin.or(first) else {
            let reason = format!("the header {} is missing", headers::PRODUCER_SUBJECT);
            return Err(Unreadable {
                raw: Box::new(raw),
                reason,
            });
        };
        let id = raw.id();
        let span = spans::process(&raw, map, id, None, now);
        let trace = spans::trace_of(&span, map);
        let inner = Known {
            id,
            correlation_id: id,
            principal: None,
            received_at: now,
            trace,
            about: None,
            is_request: false,
        };
        Ok(Self {
            family: Family::Production,
            origin: Some(subject),
            context: Context {
                inner: inner.into(),
            },
            raw,
            schema: String::new(),
            reply_to: None,
            deadline: None,
            fingerprint: None,
            twins: Vec::new(),
            span,
        })
    }

    pub(crate) fn payload(&self) -> &[u8] {
        &self.raw.message.payload
    }

    /// This one, then its twins.
    pub(crate) fn with_twins(&self) -> impl Iterator<Item = &Delivery> {
        std::iter::once(self).chain(&self.twins)
    }

    /// The highest number of deliveries among it and its twins.
    pub(crate) fn delivered(&self) -> i64 {
        let all = self.with_twins().map(|delivery| delivery.raw.delivered);
        all.max().unwrap_or_default()
    }
}

struct Read {
    context: Context,
    schema: String,
    reply_to: Option<String>,
    deadline: Option<i64>,
    fingerprint: Option<String>,
    span: Span,
}

/// `agent` = who reports it. An agent speaks for itself alone: not for a principal, nor for somebody who waits.
fn read_headers(
    raw: &Raw,
    family: Family,
    agent: Option<&str>,
    now: Timestamp,
) -> Result<Read, String> {
    let none = HeaderMap::new();
    let map = raw.message.headers.as_ref().unwrap_or(&none);
    let text = |name: &'static str| header_map::get(map, name);
    let id: Uuid = parse(text(headers::MESSAGE_ID), headers::MESSAGE_ID)?
        .ok_or_else(|| format!("the header {} is missing", headers::MESSAGE_ID))?;
    let schema = text(headers::SCHEMA)
        .ok_or_else(|| format!("the header {} is missing", headers::SCHEMA))?
        .to_owned();
    let correlation_id = parse(text(headers::CORRELATION_ID), headers::CORRELATION_ID)?;
    let principal = text(headers::PRINCIPAL)
        .map(serde_json::from_str::<Principal>)
        .transpose()
        .map_err(|error| format!("the header {}: {error}", headers::PRINCIPAL))?;
    let deadline: Option<i64> = parse(text(headers::DEADLINE), headers::DEADLINE)?;
    let reply_to = text(headers::REPLY_TO)
        .filter(|_| deadline.is_none_or(|deadline| deadline > now.as_micros()))
        .map(str::to_owned);
    let trace_before = text(headers::TRACE_PARENT);
    let about = propagation::may_be_traced(trace_before)
        .then(|| about::about(&raw.message.payload))
        .flatten();
    let span = spans::process(raw, map, id, about.as_deref(), now);
    let trace = spans::trace_of(&span, map);
    // Nobody sees what is not sampled.
    let is_traced = trace
        .as_ref()
        .is_some_and(|(parent, _)| propagation::is_sampled(parent));
    let about = about.filter(|_| is_traced);
    if let Some(agent) = agent {
        return Ok(Read {
            context: Context {
                inner: Known {
                    id: report_id(agent, id),
                    correlation_id: correlation_id.unwrap_or(id),
                    principal: None,
                    received_at: now,
                    trace,
                    about,
                    is_request: false,
                }
                .into(),
            },
            schema,
            reply_to: None,
            deadline: None,
            fingerprint: None,
            span,
        });
    }
    Ok(Read {
        context: Context {
            inner: Known {
                id,
                correlation_id: correlation_id.unwrap_or(id),
                principal,
                received_at: now,
                trace,
                about,
                is_request: family == Family::Command,
            }
            .into(),
        },
        schema,
        reply_to,
        deadline,
        fingerprint: text(headers::FINGERPRINT).map(str::to_owned),
        span,
    })
}

/// The identity of a report in the inbox. Agents give their reports ids as they like, so that each has a name space of its
/// own: none can take the id of a command or of another agent's report before that comes.
fn report_id(agent: &str, id: Uuid) -> Uuid {
    let mut name = id.as_bytes().to_vec();
    name.extend_from_slice(agent.as_bytes());
    Uuid::new_v5(&REPORTS, &name)
}

fn parse<T: FromStr>(value: Option<&str>, name: &str) -> Result<Option<T>, String>
where
    T::Err: std::fmt::Display,
{
    value
        .map(|value| {
            value
                .parse()
                .map_err(|error| format!("the header {name}: {error}"))
        })
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_agent_comes_upon_the_id_of_anybody_elses_message() {
        let id = Uuid::from_u128(7);
        assert_eq!(report_id("a", id), report_id("a", id));
        assert_ne!(report_id("a", id), report_id("b", id));
        assert_ne!(report_id("a", id), report_id("a", Uuid::from_u128(8)));
        assert_ne!(report_id("a", id), id);
    }
}
