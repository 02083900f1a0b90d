//! A span as it was received.

use std::{collections::BTreeMap, fmt::Write as _};

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, KeyValue, any_value},
    trace::v1::{Span, span, status::StatusCode},
};
use serde_json::{Value, json};

/// Attributes by name. Numbers, booleans and lists keep their kind; bytes are a list of numbers.
pub(super) type Attributes = BTreeMap<String, Value>;

/// One span as it was received. Ids are lower-case hexadecimal.
#[derive(Debug, Clone)]
pub struct ReceivedSpan {
    /// Of the trace it belongs to.
    pub trace_id: String,
    /// Its own.
    pub span_id: String,
    /// Of its parent; `None` for the first span of a trace.
    pub parent_span_id: Option<String>,
    /// Its name.
    pub name: String,
    /// `INTERNAL`, `SERVER`, `CLIENT`, `PRODUCER`, `CONSUMER` or `UNSPECIFIED`.
    pub kind: String,
    /// Its attributes.
    pub attributes: Attributes,
    /// The attributes of the process that sent it, `service.name` among them.
    pub resource: Attributes,
    /// The instrumentation scope's name.
    pub scope: String,
    /// Trace id and span id of each span it is linked to.
    pub links: Vec<(String, String)>,
    /// The names of its events.
    pub events: Vec<String>,
    /// Whether its status is "error".
    pub is_error: bool,
    /// What its status says of it.
    pub status_message: String,
    /// When it began, in nanoseconds since 1970.
    pub start_nanoseconds: u64,
    /// When it ended, in nanoseconds since 1970.
    pub end_nanoseconds: u64,
}

pub(super) fn received_span(span: Span, resource: &Attributes, scope: &str) -> ReceivedSpan {
    let kind = span::SpanKind::try_from(span.kind).unwrap_or(span::SpanKind::Unspecified);
    let kind = kind.as_str_name();
    ReceivedSpan {
        trace_id: hexadecimal(&span.trace_id),
        span_id: hexadecimal(&span.span_id),
        parent_span_id: (!span.parent_span_id.is_empty())
            .then(|| hexadecimal(&span.parent_span_id)),
        name: span.name,
        kind: kind.strip_prefix("SPAN_KIND_").unwrap_or(kind).to_owned(),
        attributes: attributes(span.attributes),
        resource: resource.clone(),
        scope: scope.to_owned(),
        links: span
            .links
            .iter()
            .map(|link| (hexadecimal(&link.trace_id), hexadecimal(&link.span_id)))
            .collect(),
        events: span.events.into_iter().map(|event| event.name).collect(),
        is_error: span
            .status
            .as_ref()
            .is_some_and(|status| status.code() == StatusCode::Error),
        status_message: span.status.map(|status| status.message).unwrap_or_default(),
        start_nanoseconds: span.start_time_unix_nano,
        end_nanoseconds: span.end_time_unix_nano,
    }
}

pub(super) fn attributes(list: Vec<KeyValue>) -> Attributes {
    list.into_iter()
        .map(|attribute| (attribute.key, value(attribute.value)))
        .collect()
}

fn value(any: Option<AnyValue>) -> Value {
    match any.and_then(|any| any.value) {
        None | Some(any_value::Value::StringValueStrindex(_)) => Value::Null,
        Some(any_value::Value::StringValue(text)) => Value::String(text),
        Some(any_value::Value::BoolValue(truth)) => Value::Bool(truth),
        Some(any_value::Value::IntValue(number)) => json!(number),
        Some(any_value::Value::DoubleValue(number)) => json!(number),
        Some(any_value::Value::BytesValue(bytes)) => json!(bytes),
        Some(any_value::Value::ArrayValue(list)) => list
            .values
            .into_iter()
            .map(|item| value(Some(item)))
            .collect(),
        Some(any_value::Value::KvlistValue(list)) => attributes(list.values).into_iter().collect(),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
