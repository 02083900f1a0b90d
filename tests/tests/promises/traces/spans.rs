//! What the spans of a request have to be.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use muster_testkit::ReceivedSpan;
use muster_tests::{
    Engine,
    setup::{Mode, Setup},
};
use serde_json::{Value, json};

pub(super) const START_ROUTE: &str = "/api/jobs/start_job/";
pub(super) const COMMAND: &str = "muster.cmd.job-archive.v1.start-job";
pub(super) const EVENT: &str = "muster.evt.job-archive.v1.alpha.job.started";
pub(super) const QUERY: &str = "muster.qry.job-archive.v1.list-jobs";

/// The one span of this kind with this destination (or route).
pub(super) fn one<'a>(
    spans: &'a [ReceivedSpan],
    kind: &str,
    name: &str,
) -> Result<&'a ReceivedSpan> {
    let mut found = spans
        .iter()
        .filter(|span| span.kind == kind && span.name == name);
    match (found.next(), found.next()) {
        (Some(span), None) => Ok(span),
        (None, _) => anyhow::bail!("no {kind} {name:?} among {:?}", names(spans)),
        _ => anyhow::bail!("several {kind} {name:?} among {:?}", names(spans)),
    }
}

pub(super) fn names(spans: &[ReceivedSpan]) -> Vec<String> {
    spans
        .iter()
        .map(|span| format!("{} {}", span.kind, span.name))
        .collect()
}

/// Whether all of a start's spans have come.
pub(super) fn is_complete(spans: &[ReceivedSpan]) -> bool {
    let has = |kind: &str, part: &str| {
        spans
            .iter()
            .any(|span| span.kind == kind && span.name.contains(part))
    };
    has("SERVER", "POST")
        && has("PRODUCER", ".cmd.")
        && has("CONSUMER", ".cmd.")
        && has("CLIENT", "job_archive")
        && has("PRODUCER", ".evt.")
}

pub(super) fn has_attributes(span: &ReceivedSpan, wanted: &Value) -> Result<()> {
    for (name, value) in wanted.as_object().context("no object")? {
        let found = span.attributes.get(name);
        ensure!(
            found == Some(value),
            "{} {}: {name} is {found:?} instead of {value}; it has {:?}",
            span.kind,
            span.name,
            span.attributes
        );
    }
    Ok(())
}

pub(super) fn child_of(span: &ReceivedSpan, parent: &ReceivedSpan) -> Result<()> {
    ensure!(
        span.parent_span_id.as_deref() == Some(&parent.span_id),
        "{} is not a child of {}",
        span.name,
        parent.name
    );
    ensure!(
        span.start_nanoseconds >= parent.start_nanoseconds,
        "{} begins before {}",
        span.name,
        parent.name
    );
    ensure!(
        span.end_nanoseconds >= span.start_nanoseconds,
        "{} ends first",
        span.name
    );
    Ok(())
}

/// The five spans of one `start_job`.
struct StartSpans<'a> {
    server: &'a ReceivedSpan,
    sending: &'a ReceivedSpan,
    processing: &'a ReceivedSpan,
    transaction: &'a ReceivedSpan,
    event: &'a ReceivedSpan,
}

/// The spans of one `start_job`: which there are, whose children they are, and what they say.
pub(super) fn check_start(spans: &[ReceivedSpan], setup: Setup) -> Result<()> {
    ensure!(spans.len() == 5, "{:?}", names(spans));
    let traces: BTreeSet<_> = spans.iter().map(|span| &span.trace_id).collect();
    ensure!(traces.len() == 1, "{traces:?}");
    let server = one(spans, "SERVER", &format!("POST {START_ROUTE}"))?;
    let sending = one(spans, "PRODUCER", &format!("send {COMMAND}"))?;
    let processing = one(spans, "CONSUMER", &format!("process {COMMAND}"))?;
    let transaction = one(spans, "CLIENT", "transaction job_archive")?;
    let template = EVENT.replace("alpha", "{project}");
    let event = one(spans, "PRODUCER", &format!("send {template}"))?;
    child_of(sending, server)?;
    child_of(processing, sending)?;
    child_of(transaction, processing)?;
    child_of(event, processing)?;
    ensure!(spans.iter().all(|span| !span.is_error), "{spans:?}");
    let spans = StartSpans {
        server,
        sending,
        processing,
        transaction,
        event,
    };
    check_attributes(&spans, setup)?;
    check_origin(&spans, setup)
}

/// What they say, in the words of the semantic conventions.
fn check_attributes(spans: &StartSpans<'_>, setup: Setup) -> Result<()> {
    let StartSpans {
        server,
        sending,
        processing,
        transaction,
        event,
    } = spans;
    has_attributes(
        server,
        &json!({
            "http.request.method": "POST",
            "http.route": START_ROUTE,
            "http.response.status_code": 201,
            "url.path": START_ROUTE,
            "url.scheme": "http",
            "server.address": "127.0.0.1",
            "muster.dialect": "clustercockpit",
            "muster.principal": "alpha-api",
            "muster.project": "alpha",
        }),
    )?;
    has_attributes(
        sending,
        &json!({
            "messaging.system": "nats",
            "messaging.operation.name": "send",
            "messaging.operation.type": "send",
            "messaging.destination.name": COMMAND,
        }),
    )?;
    let command_id = sending.attributes.get("messaging.message.id");
    let command_id = command_id.context("no messaging.message.id")?;
    has_attributes(
        processing,
        &json!({
            "messaging.system": "nats",
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": COMMAND,
            "messaging.consumer.group.name": "job-archive",
            "messaging.message.id": command_id,
            "nats.stream": "MUSTER_COMMANDS_JOB_ARCHIVE",
            "nats.delivery_count": 1,
        }),
    )?;
    let system = match setup.engine {
        Engine::Sqlite => "sqlite",
        Engine::Postgres => "postgresql",
    };
    ensure!(
        processing
            .attributes
            .get("nats.stream_sequence")
            .is_some_and(Value::is_i64),
        "{processing:?}"
    );
    has_attributes(
        transaction,
        &json!({
            "db.system.name": system,
            "db.namespace": "job_archive",
            "db.operation.name": "transaction",
        }),
    )?;
    has_attributes(
        event,
        &json!({
            "messaging.system": "nats",
            "messaging.operation.name": "send",
            "messaging.operation.type": "send",
            "messaging.destination.name": EVENT,
            "messaging.destination.template": EVENT.replace("alpha", "{project}"),
        }),
    )
}

/// Which conversation they belong to, and which process sent them.
fn check_origin(spans: &StartSpans<'_>, setup: Setup) -> Result<()> {
    let StartSpans {
        server,
        sending,
        processing,
        transaction,
        event,
    } = spans;
    // All of one request has one conversation.
    let conversation = sending.attributes.get("messaging.message.conversation_id");
    for span in [processing, event] {
        let found = span.attributes.get("messaging.message.conversation_id");
        ensure!(
            found.is_some() && found == conversation,
            "{}: {found:?}",
            span.name
        );
    }
    let (front, back) = match setup.mode {
        Mode::OneProcess => ("muster", "muster"),
        Mode::Parts => ("muster-ingress", "muster-job-archive"),
    };
    for (span, service) in [
        (server, front),
        (sending, front),
        (processing, back),
        (transaction, back),
        (event, back),
    ] {
        let found = span.resource.get("service.name");
        ensure!(found == Some(&json!(service)), "{}: {found:?}", span.name);
    }
    Ok(())
}
