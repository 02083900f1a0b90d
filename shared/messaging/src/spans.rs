//! Spans of the message path. One trace from the request of a client to the event: the span of a single message has its
//! sender's as parent, so that the service graph of Tempo sees the edge.

use std::time::Duration;

use async_nats::{HeaderMap, jetstream};
use muster_contract::{headers, topology::ORDER_STREAM};
use muster_platform::Timestamp;
use muster_storage::Engine;
use muster_telemetry::{names, propagation};
use tracing::{Span, field, info_span};
use uuid::Uuid;

use crate::{
    about::{about, session_of},
    delivery::Raw,
    header_map,
    outbox_message::{OutboxMessage, Payload},
};

/// Taking one message: from its delivery to its acknowledgement.
///
/// `about` = what the message is about, `now` = when it was taken.
pub(crate) fn process(
    raw: &Raw,
    headers: &HeaderMap,
    id: Uuid,
    about: Option<&str>,
    now: Timestamp,
) -> Span {
    let place = Place {
        stream: raw.stream,
        consumer: raw.consumer,
        sequence: raw.stream_sequence,
        delivered: raw.delivered,
    };
    let span = taking(&raw.message.subject, &place, headers, id);
    if !span.is_disabled() {
        let waited = now.as_micros().saturating_sub(raw.stored_at).max(0);
        span.record(
            names::MUSTER_WAITED,
            Duration::from_micros(waited.unsigned_abs()).as_secs_f64(),
        );
        record_session(&span, about);
    }
    span
}

/// Says which session the span is about.
fn record_session(span: &Span, about: Option<&str>) {
    if let Some(session) = about.and_then(session_of) {
        span.record(names::MUSTER_SESSION_ID, session);
    }
}

/// Says why what the span stands for has failed.
pub(crate) fn fail(span: &Span, kind: &'static str, reason: &str) {
    if !span.is_disabled() {
        span.record(names::field::STATUS_CODE, "error");
        span.record(names::field::STATUS_DESCRIPTION, reason);
        span.record(names::ERROR_TYPE, kind);
    }
}

/// Working on an order: from its delivery to its report.
pub(crate) fn process_order(
    message: &jetstream::Message,
    agent: &str,
    sequence: u64,
    delivered: i64,
    headers: &HeaderMap,
    id: Uuid,
) -> Span {
    let place = Place {
        stream: ORDER_STREAM,
        consumer: agent,
        sequence,
        delivered,
    };
    let span = taking(&message.subject, &place, headers, id);
    if !span.is_disabled() {
        record_session(&span, about(&message.payload).as_deref());
    }
    span
}

/// Where a message comes from.
struct Place<'a> {
    stream: &'a str,
    consumer: &'a str,
    sequence: u64,
    delivered: i64,
}

fn taking(subject: &str, place: &Place<'_>, headers: &HeaderMap, id: Uuid) -> Span {
    if !propagation::may_be_traced(header_map::get(headers, headers::TRACE_PARENT)) {
        return Span::none();
    }
    let span = info_span!(
        target: "muster::messaging",
        "process",
        otel.name = field::Empty,
        otel.kind = names::kind::CONSUMER,
        messaging.system = names::value::NATS,
        messaging.operation.name = names::value::PROCESS,
        messaging.operation.r#type = names::value::PROCESS,
        messaging.destination.name = subject,
        messaging.consumer.group.name = place.consumer,
        messaging.message.id = %id,
        messaging.message.conversation_id = field::Empty,
        nats.stream = place.stream,
        nats.stream_sequence = number(place.sequence),
        nats.delivery_count = place.delivered,
        muster.waited = field::Empty,
        muster.session.id = field::Empty,
        otel.status_code = field::Empty,
        otel.status_description = field::Empty,
        error.r#type = field::Empty,
    );
    if span.is_disabled() {
        return span;
    }
    let template = template(subject);
    span.record(names::field::NAME, names::span::process(&template));
    if let Some(link) = header_map::get(headers, headers::TRACE_LINK) {
        propagation::add_link(&span, &propagation::from_text(Some(link), None));
    }
    if let Some(correlation) = header_map::get(headers, headers::CORRELATION_ID) {
        span.record(names::MESSAGING_MESSAGE_CONVERSATION_ID, correlation);
    }
    propagation::set_parent_from_nats(&span, headers);
    span
}

/// The trace context under which a message's consequences are sent: its span's, or where that is off the one it came with.
pub(crate) fn trace_of(span: &Span, map: &HeaderMap) -> Option<(String, String)> {
    if let Some(own) = own_trace(span) {
        return Some(own);
    }
    let value = |name| header_map::get(map, name).map(str::to_owned);
    Some((
        value(headers::TRACE_PARENT)?,
        value(headers::TRACE_STATE).unwrap_or_default(),
    ))
}

/// The span's own trace context, unless it is off.
fn own_trace(span: &Span) -> Option<(String, String)> {
    let text = propagation::to_text(&propagation::context_of(span));
    Some((text.traceparent?, text.tracestate.unwrap_or_default()))
}

/// The transaction that a message takes effect in, together with the rest of its batch.
pub(crate) fn transaction(
    process: &Span,
    engine: Engine,
    namespace: &str,
    batch_size: usize,
) -> Span {
    if process.is_disabled() {
        return Span::none();
    }
    let system = match engine {
        Engine::Sqlite => names::value::SQLITE,
        Engine::Postgres => names::value::POSTGRESQL,
    };
    info_span!(
        target: "muster::messaging",
        parent: process,
        "transaction",
        otel.name = names::span::database("transaction", namespace),
        otel.kind = names::kind::CLIENT,
        db.system.name = system,
        db.namespace = namespace,
        db.operation.name = "transaction",
        db.operation.batch.size = number(batch_size),
        otel.status_code = field::Empty,
        otel.status_description = field::Empty,
        error.r#type = field::Empty,
    )
}

/// Publishing a command.
pub(crate) fn send_command(subject: &str, id: Uuid, correlation_id: Uuid) -> Span {
    if propagation::current_is_untraced() {
        return Span::none();
    }
    let span = info_span!(
        target: "muster::messaging",
        "send",
        otel.name = field::Empty,
        otel.kind = names::kind::PRODUCER,
        messaging.system = names::value::NATS,
        messaging.operation.name = names::value::SEND,
        messaging.operation.r#type = names::value::SEND,
        messaging.destination.name = subject,
        messaging.message.id = %id,
        messaging.message.conversation_id = %correlation_id,
        otel.status_code = field::Empty,
        otel.status_description = field::Empty,
        error.r#type = field::Empty,
    );
    if !span.is_disabled() {
        span.record(names::field::NAME, names::span::send(&template(subject)));
    }
    span
}

/// Publishing a message of the outbox; its parent is the span of the message that caused it.
pub(crate) fn send_event(message: &OutboxMessage) -> Span {
    if !propagation::may_be_traced(message.trace().map(|(parent, _)| parent)) {
        return Span::none();
    }
    let span = info_span!(
        target: "muster::messaging",
        parent: None,
        "send",
        otel.name = field::Empty,
        otel.kind = names::kind::PRODUCER,
        messaging.system = names::value::NATS,
        messaging.operation.name = names::value::SEND,
        messaging.operation.r#type = names::value::SEND,
        messaging.destination.name = message.subject,
        messaging.destination.template = field::Empty,
        messaging.message.id = %message.id,
        messaging.message.conversation_id = field::Empty,
        muster.session.id = field::Empty,
        otel.status_code = field::Empty,
        otel.status_description = field::Empty,
        error.r#type = field::Empty,
    );
    if span.is_disabled() {
        return span;
    }
    let template = template(&message.subject);
    span.record(names::field::NAME, names::span::send(&template));
    span.record(names::MESSAGING_DESTINATION_TEMPLATE, template);
    if let Some(correlation) = message.header(headers::CORRELATION_ID) {
        span.record(names::MESSAGING_MESSAGE_CONVERSATION_ID, correlation);
    }
    if let Payload::Json(body) = &message.payload {
        record_session(&span, about(body.get().as_bytes()).as_deref());
    }
    let link = message.header(headers::TRACE_LINK);
    propagation::add_link(&span, &propagation::from_text(link, None));
    let (parent, state) = message.trace().unzip();
    propagation::set_parent_from_text(&span, parent, state.filter(|state| !state.is_empty()));
    span
}

/// Publishing the report of an order.
pub(crate) fn send_report(
    order: &Span,
    subject: &str,
    id: Uuid,
    correlation_id: Option<&str>,
) -> Span {
    let span = info_span!(
        target: "muster::messaging",
        parent: order,
        "send",
        otel.name = field::Empty,
        otel.kind = names::kind::PRODUCER,
        messaging.system = names::value::NATS,
        messaging.operation.name = names::value::SEND,
        messaging.operation.r#type = names::value::SEND,
        messaging.destination.name = subject,
        messaging.destination.template = field::Empty,
        messaging.message.id = %id,
        messaging.message.conversation_id = correlation_id,
    );
    if !span.is_disabled() {
        let template = template(subject);
        span.record(names::field::NAME, names::span::send(&template));
        span.record(names::MESSAGING_DESTINATION_TEMPLATE, template);
    }
    span
}

/// Asking a question and waiting for the answer.
pub(crate) fn ask(subject: &str) -> Span {
    if propagation::current_is_untraced() {
        return Span::none();
    }
    let span = info_span!(
        target: "muster::messaging",
        "ask",
        otel.name = field::Empty,
        otel.kind = names::kind::CLIENT,
        messaging.system = names::value::NATS,
        messaging.operation.name = names::value::SEND,
        messaging.operation.r#type = names::value::SEND,
        messaging.destination.name = subject,
        otel.status_code = field::Empty,
        otel.status_description = field::Empty,
        error.r#type = field::Empty,
    );
    if !span.is_disabled() {
        span.record(names::field::NAME, names::span::send(&template(subject)));
    }
    span
}

/// Answering a question.
pub(crate) fn answer(subject: &str, headers: Option<&HeaderMap>) -> Span {
    let parent = headers.and_then(|map| header_map::get(map, headers::TRACE_PARENT));
    if !propagation::may_be_traced(parent) {
        return Span::none();
    }
    let span = info_span!(
        target: "muster::messaging",
        parent: None,
        "answer",
        otel.name = field::Empty,
        otel.kind = names::kind::SERVER,
        messaging.system = names::value::NATS,
        messaging.operation.name = names::value::PROCESS,
        messaging.operation.r#type = names::value::PROCESS,
        messaging.destination.name = subject,
        otel.status_code = field::Empty,
        otel.status_description = field::Empty,
        error.r#type = field::Empty,
    );
    if !span.is_disabled() {
        span.record(names::field::NAME, names::span::process(&template(subject)));
        if let Some(headers) = headers {
            propagation::set_parent_from_nats(&span, headers);
        }
    }
    span
}

/// Writes the span's context into the headers; without one that of whatever is going on at this moment, so that a request that is not
/// traced is known to be one further on.
pub(crate) fn inject(span: &Span, headers: &mut HeaderMap) {
    if !span.is_disabled() {
        propagation::inject_nats(&propagation::context_of(span), headers);
    } else if propagation::current_is_untraced() {
        propagation::inject_nats(&propagation::current_context(), headers);
    }
}

/// The number as an attribute has it: OpenTelemetry knows signed ones only, and others would become text.
fn number(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// The subject as a span's name may have it: without the project or the agent.
fn template(subject: &str) -> String {
    let mut tokens: Vec<&str> = subject.split('.').collect();
    if let ["muster", "evt", _, _, project, ..] = tokens.as_mut_slice() {
        *project = "{project}";
    }
    if let ["muster", "agt", agent, ..] | ["muster", "cmd", _, "replayed-report", agent] =
        tokens.as_mut_slice()
    {
        *agent = "{agent}";
    }
    tokens.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_no_projects_and_no_agents() {
        let event = "muster.evt.job-archive.v1.demo.job.started";
        assert_eq!(
            template(event),
            "muster.evt.job-archive.v1.{project}.job.started"
        );
        let command = "muster.cmd.job-archive.v1.start-job";
        assert_eq!(template(command), command);
        let order = "muster.agt.n1%2Edusty.order.run-node-hook";
        assert_eq!(template(order), "muster.agt.{agent}.order.run-node-hook");
        let replayed = "muster.cmd.session.replayed-report.n1%2Edusty";
        assert_eq!(
            template(replayed),
            "muster.cmd.session.replayed-report.{agent}"
        );
    }
}
