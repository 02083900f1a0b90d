//! One JSON object a log line, with the trace it belongs to.
//!
//! `{"timestamp":"…","level":"INFO","message":"…","field":1,"target":"muster_ingress","trace_id":"…","span_id":"…"}`:
//! the event's fields stand beside the others; one that has a name of those is written with an
//! underscore after it.

use std::fmt;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt};
use serde::ser::{SerializeMap, Serializer};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// What the line says of itself; the fields of an event must not say it again.
const RESERVED: [&str; 5] = ["timestamp", "level", "target", "trace_id", "span_id"];

/// Fields by which records of the `log` crate arrive; of these only the target is of interest.
const LOG_FIELDS: &str = "log.";
const LOG_TARGET: &str = "log.target";

/// Writes events as JSON lines.
#[derive(Debug, Clone, Copy, Default)]
pub struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut timestamp = String::with_capacity(32);
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        let mut line = Vec::with_capacity(256);
        write_line(&mut line, &timestamp, event).map_err(|_| fmt::Error)?;
        writer.write_str(std::str::from_utf8(&line).map_err(|_| fmt::Error)?)?;
        writer.write_char('\n')
    }
}

fn write_line(
    line: &mut Vec<u8>,
    timestamp: &str,
    event: &Event<'_>,
) -> Result<(), serde_json::Error> {
    let mut serializer = serde_json::Serializer::new(line);
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("timestamp", timestamp)?;
    map.serialize_entry("level", event.metadata().level().as_str())?;

    let mut fields = Fields {
        map,
        target: None,
        error: None,
    };
    event.record(&mut fields);
    if let Some(error) = fields.error {
        return Err(error);
    }
    let mut map = fields.map;
    let target = fields.target.as_deref();
    map.serialize_entry("target", target.unwrap_or(event.metadata().target()))?;

    // The tracing layer keeps the context of the entered span current, so that it need not be
    // looked up by a subscriber in the middle of handling an event.
    let span = Context::map_current(|context| context.span().span_context().clone());
    if SpanContext::is_valid(&span) {
        map.serialize_entry("trace_id", &format_args!("{}", span.trace_id()))?;
        map.serialize_entry("span_id", &format_args!("{}", span.span_id()))?;
    }
    map.end()
}

/// Writes each field as it comes. A visitor cannot fail, so the first error is kept.
struct Fields<M: SerializeMap> {
    map: M,
    target: Option<String>,
    error: Option<M::Error>,
}

impl<M: SerializeMap> Fields<M> {
    fn write(&mut self, field: &Field, value: &(impl serde::Serialize + ?Sized)) {
        let name = field.name();
        if self.error.is_some() || name.starts_with(LOG_FIELDS) {
            return;
        }
        let written = if RESERVED.contains(&name) {
            self.map.serialize_entry(&format_args!("{name}_"), value)
        } else {
            self.map.serialize_entry(name, value)
        };
        self.error = written.err();
    }
}

impl<M: SerializeMap> Visit for Fields<M> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.write(field, &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.write(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.write(field, &value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.write(field, &value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.write(field, &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.write(field, &value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == LOG_TARGET {
            self.target = Some(value.to_owned());
        }
        self.write(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.write(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.write(field, &format_args!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use tracing_subscriber::prelude::*;

    use crate::setup::tests::{Captured, recording};
    use crate::setup::{LogFormat, log_layer};

    fn lines(directives: &str, act: impl FnOnce()) -> Vec<Value> {
        let captured = Captured::default();
        let (recording, _exporter) = recording(1.0);
        let log = log_layer(directives, LogFormat::Json, captured.clone()).unwrap();
        tracing::subscriber::with_default(recording.with(log), act);
        captured
            .text()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn a_line_is_a_json_object_with_its_fields_beside_the_message() {
        let lines = lines("info", || {
            tracing::warn!(
                jobs = 3_u64,
                name = "a \"b\"\n",
                late = true,
                share = 0.5,
                level = "mine",
                error = %"broken",
                list = ?[1, 2],
                "it went wrong: {}",
                "twice"
            );
        });
        let line = &lines[0];
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["message"], "it went wrong: twice");
        assert_eq!(line["target"], "muster_telemetry::log_line::tests");
        assert_eq!(line["jobs"], 3);
        assert_eq!(line["name"], "a \"b\"\n");
        assert_eq!(line["late"], true);
        assert_eq!(line["share"], 0.5);
        assert_eq!(line["level_"], "mine");
        assert_eq!(line["error"], "broken");
        assert_eq!(line["list"], "[1, 2]");
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
        assert_eq!(line.get("trace_id"), None);
    }

    #[test]
    fn inside_a_span_a_line_names_trace_and_span() {
        let lines = lines("info", || {
            let span = tracing::info_span!("process", job = 7);
            span.in_scope(|| tracing::info!("inside"));
            tracing::info!("outside");
        });
        assert_eq!(lines[0]["message"], "inside");
        assert_eq!(lines[0]["trace_id"].as_str().unwrap().len(), 32);
        assert_eq!(lines[0]["span_id"].as_str().unwrap().len(), 16);
        assert_eq!(lines[1].get("trace_id"), None);
    }

    #[test]
    fn the_filter_is_for_lines_and_leaves_spans_alone() {
        let lines = lines("warn", || {
            let span = tracing::info_span!("process");
            assert!(!span.is_disabled());
            span.in_scope(|| {
                tracing::info!("left out");
                tracing::error!("kept");
            });
        });
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["message"], "kept");
        assert!(lines[0].get("trace_id").is_some());
    }
}
