//! Carrying a trace from one process or task to the next, in the W3C format
//! (<https://www.w3.org/TR/trace-context/>).
//!
//! A single message or request takes its sender's span as parent; a batch or a replay links to the
//! spans it stands for. All of this costs next to nothing while tracing is off: without a span there
//! is nothing to write, and [`set_parent_from_nats`] and its like look at the span before they read
//! any header.

use async_nats::header::HeaderName as NatsName;
use axum::http;
use opentelemetry::Context;
use opentelemetry::context::FutureExt as _;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags, TraceState};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{IdGenerator as _, RandomIdGenerator};
use tracing::Span;
use tracing_opentelemetry::{OpenTelemetrySpanExt, SetParentError};

/// The header that names trace and span. NATS compares header names by case, so it is lower-case
/// everywhere.
pub const TRACEPARENT: &str = "traceparent";
/// The header with what tracing systems add.
pub const TRACESTATE: &str = "tracestate";

/// A longer `tracestate` is dropped: the standard asks for 512 characters to be passed on, and more
/// from a stranger would be stored with every message.
pub const MAX_TRACESTATE: usize = 512;

/// A trace context as text, for places that have no headers, such as an outbox row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TraceText {
    /// The value of the header `traceparent`; `None` without a trace.
    pub traceparent: Option<String>,
    /// The value of the header `tracestate`; `None` when there is nothing in it.
    pub tracestate: Option<String>,
}

/// The context of the span that is entered at this moment; empty without one.
#[must_use]
pub fn current_context() -> Context {
    Context::current()
}

/// Whether spans are recorded at all in this process.
#[must_use]
pub fn is_on() -> bool {
    tracing::span_enabled!(target: "muster::messaging", tracing::Level::INFO)
}

/// Whether this `traceparent` belongs to a trace that is recorded: the lowest bit of its flags.
#[must_use]
pub fn is_sampled(traceparent: &str) -> bool {
    let flags = traceparent.rsplit('-').next();
    let flags = flags.and_then(|flags| u8::from_str_radix(flags, 16).ok());
    flags.is_some_and(|flags| flags & 1 == 1)
}

/// Whether a span for what came with this `traceparent` may be recorded. Where it is known that it will not be, none need be made: it
/// costs as much as one that is.
#[must_use]
pub fn may_be_traced(traceparent: Option<&str>) -> bool {
    is_on() && traceparent.is_none_or(is_sampled)
}

/// Whether what goes on at this moment belongs to a trace that is not recorded.
#[must_use]
pub fn current_is_untraced() -> bool {
    Context::map_current(|context| {
        let span = context.span();
        let span_context = span.span_context();
        span_context.is_valid() && !span_context.is_sampled()
    })
}

/// How a request is to be traced that comes from outside.
#[derive(Debug)]
pub enum Beginning {
    /// By a span, as a child of this context if there is one in it.
    Recorded(Context),
    /// Not at all: this context, made current, says so to whoever it is passed on to.
    Untraced(Context),
}

/// Does it with this context as the current one, if there is one.
pub async fn within<F: Future>(context: Option<Context>, future: F) -> F::Output {
    match context {
        Some(context) => future.with_context(context).await,
        None => future.await,
    }
}

/// Decides how a request with these headers is traced: as its client says, else by the ratio that was set. Decided before there is a
/// span, since a span that is not recorded costs as much as one that is.
#[must_use]
pub fn begin(headers: &http::HeaderMap) -> Beginning {
    if !is_on() {
        return Beginning::Recorded(Context::new());
    }
    let parent = extract_http(headers);
    if parent.has_active_span() {
        let is_sampled = parent.span().span_context().is_sampled();
        return if is_sampled {
            Beginning::Recorded(parent)
        } else {
            Beginning::Untraced(parent)
        };
    }
    let ids = RandomIdGenerator::default();
    let trace_id = ids.new_trace_id();
    if crate::sampling::chosen(trace_id) {
        return Beginning::Recorded(parent);
    }
    let untraced = SpanContext::new(
        trace_id,
        ids.new_span_id(),
        TraceFlags::default(),
        true,
        TraceState::NONE,
    );
    Beginning::Untraced(Context::new().with_remote_span_context(untraced))
}

/// The context of `span`, entered or not; empty when tracing is off.
#[must_use]
pub fn context_of(span: &Span) -> Context {
    if span.is_disabled() {
        return Context::new();
    }
    span.context()
}

/// The `traceparent` of the span that is entered at this moment.
#[must_use]
pub fn current_traceparent() -> Option<String> {
    Context::map_current(to_text).traceparent
}

/// The trace id of the span that is entered at this moment, 32 hexadecimal digits.
#[must_use]
pub fn current_trace_id() -> Option<String> {
    Context::map_current(|context| {
        let span = context.span();
        let span_context = span.span_context();
        span_context
            .is_valid()
            .then(|| span_context.trace_id().to_string())
    })
}

/// `context` as text.
#[must_use]
pub fn to_text(context: &Context) -> TraceText {
    let mut text = TraceText::default();
    if context.has_active_span() {
        TraceContextPropagator::new().inject_context(context, &mut text);
    }
    text
}

/// The context written as text; empty when there is none or it is not valid.
#[must_use]
pub fn from_text(traceparent: Option<&str>, tracestate: Option<&str>) -> Context {
    let Some(traceparent) = traceparent else {
        return Context::new();
    };
    let carrier = TextCarrier {
        traceparent,
        tracestate: tracestate.filter(|state| state.len() <= MAX_TRACESTATE),
    };
    TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier)
}

/// Writes `context` into the headers of a NATS message, if there is one.
pub fn inject_nats(context: &Context, headers: &mut async_nats::HeaderMap) {
    let text = to_text(context);
    if let Some(traceparent) = text.traceparent {
        headers.insert(NatsName::from_static(TRACEPARENT), traceparent);
    }
    if let Some(tracestate) = text.tracestate {
        headers.insert(NatsName::from_static(TRACESTATE), tracestate);
    }
}

/// The context in the headers of a NATS message; empty when there is none or it is not valid.
#[must_use]
pub fn extract_nats(headers: &async_nats::HeaderMap) -> Context {
    let value = |name| headers.get(NatsName::from_static(name));
    from_text(
        value(TRACEPARENT).map(async_nats::HeaderValue::as_str),
        value(TRACESTATE).map(async_nats::HeaderValue::as_str),
    )
}

/// Writes `context` into the headers of an HTTP request or answer, if there is one.
pub fn inject_http(context: &Context, headers: &mut http::HeaderMap) {
    let text = to_text(context);
    for (name, value) in [
        (TRACEPARENT, text.traceparent),
        (TRACESTATE, text.tracestate),
    ] {
        if let Some(value) = value.and_then(|value| http::HeaderValue::try_from(value).ok()) {
            headers.insert(http::HeaderName::from_static(name), value);
        }
    }
}

/// The context in the headers of an HTTP request; empty when there is none or it is not valid.
#[must_use]
pub fn extract_http(headers: &http::HeaderMap) -> Context {
    let value = |name| headers.get(name).and_then(|value| value.to_str().ok());
    from_text(value(TRACEPARENT), value(TRACESTATE))
}

/// Makes `parent` the parent of `span`, which must not have been entered yet. Does nothing when the
/// span is off or `parent` is empty.
pub fn set_parent(span: &Span, parent: Context) {
    if span.is_disabled() || !parent.has_active_span() {
        return;
    }
    if let Err(SetParentError::AlreadyStarted) = span.set_parent(parent) {
        tracing::debug!("a span was given a parent after it had been entered");
    }
}

/// [`set_parent`] with the context in the headers of a NATS message.
pub fn set_parent_from_nats(span: &Span, headers: &async_nats::HeaderMap) {
    if !span.is_disabled() {
        set_parent(span, extract_nats(headers));
    }
}

/// [`set_parent`] with the context in the headers of an HTTP request.
pub fn set_parent_from_http(span: &Span, headers: &http::HeaderMap) {
    if !span.is_disabled() {
        set_parent(span, extract_http(headers));
    }
}

/// [`set_parent`] with a context that was stored as text.
pub fn set_parent_from_text(span: &Span, traceparent: Option<&str>, tracestate: Option<&str>) {
    if !span.is_disabled() {
        set_parent(span, from_text(traceparent, tracestate));
    }
}

/// Links `span` to the span of `context`: for a batch, to that of each message; for a replay, to
/// that of the message replayed. Does nothing when the span is off or `context` is empty.
pub fn add_link(span: &Span, context: &Context) {
    if span.is_disabled() || !context.has_active_span() {
        return;
    }
    span.add_link(context.span().span_context().clone());
}

impl Injector for TraceText {
    fn set(&mut self, key: &str, value: String) {
        // An empty `tracestate` says nothing.
        let value = Some(value).filter(|value| !value.is_empty());
        match key {
            TRACEPARENT => self.traceparent = value,
            TRACESTATE => self.tracestate = value,
            _ => {}
        }
    }
}

struct TextCarrier<'a> {
    traceparent: &'a str,
    tracestate: Option<&'a str>,
}

impl Extractor for TextCarrier<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            TRACEPARENT => Some(self.traceparent),
            TRACESTATE => self.tracestate,
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT, TRACESTATE]
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::prelude::*;

    use super::*;
    use crate::setup::tests::recording;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    #[test]
    fn a_context_survives_nats_headers_http_headers_and_text() {
        let context = from_text(Some(PARENT), Some("vendor=1"));
        let text = TraceText {
            traceparent: Some(PARENT.to_owned()),
            tracestate: Some("vendor=1".to_owned()),
        };
        assert_eq!(to_text(&context), text);

        let mut nats = async_nats::HeaderMap::new();
        inject_nats(&context, &mut nats);
        assert_eq!(nats.get("traceparent").unwrap().as_str(), PARENT);
        assert_eq!(to_text(&extract_nats(&nats)), text);

        let mut http = http::HeaderMap::new();
        inject_http(&context, &mut http);
        assert_eq!(http.get("tracestate").unwrap(), "vendor=1");
        assert_eq!(to_text(&extract_http(&http)), text);
    }

    #[test]
    fn what_is_no_context_counts_as_none() {
        let long = format!("vendor={}", "x".repeat(MAX_TRACESTATE));
        for wrong in [
            "",
            "nonsense",
            "00-0-0-01",
            &PARENT.to_uppercase(),
            &PARENT.replace('b', "é"),
        ] {
            assert_eq!(
                to_text(&from_text(Some(wrong), None)),
                TraceText::default(),
                "{wrong}"
            );
        }
        assert_eq!(
            to_text(&from_text(None, Some("vendor=1"))),
            TraceText::default()
        );
        assert_eq!(
            to_text(&from_text(Some(PARENT), Some(&long))).tracestate,
            None
        );
        let mut headers = async_nats::HeaderMap::new();
        inject_nats(&Context::new(), &mut headers);
        assert!(headers.is_empty());
    }

    #[test]
    fn a_span_goes_on_with_the_trace_of_a_message() {
        let (subscriber, exporter) = recording(1.0);
        tracing::subscriber::with_default(subscriber, || {
            let mut headers = async_nats::HeaderMap::new();
            headers.insert("traceparent", PARENT);
            let span = tracing::info_span!("process");
            set_parent_from_nats(&span, &headers);
            add_link(&span, &from_text(Some(PARENT), None));
            span.in_scope(|| {
                assert_eq!(current_trace_id().as_deref(), Some(TRACE));
                assert!(
                    current_traceparent()
                        .unwrap()
                        .starts_with(&format!("00-{TRACE}-"))
                );
                assert_eq!(to_text(&context_of(&span)), to_text(&current_context()));
            });
        });
        let spans = exporter.finished();
        assert_eq!(spans.len(), 1);
        assert_eq!(spans[0].span_context.trace_id().to_string(), TRACE);
        assert_eq!(spans[0].parent_span_id.to_string(), "b7ad6b7169203331");
        assert_eq!(spans[0].links.len(), 1);
    }

    #[test]
    fn a_callers_decision_not_to_sample_is_kept_and_passed_on() {
        let (subscriber, exporter) = recording(1.0);
        let unsampled = PARENT.replace("-01", "-00");
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("process");
            set_parent_from_text(&span, Some(&unsampled), None);
            span.in_scope(|| assert!(current_traceparent().unwrap().ends_with("-00")));
        });
        assert!(exporter.finished().is_empty());
    }

    #[test]
    fn the_flags_say_whether_a_trace_is_recorded() {
        assert!(is_sampled(PARENT));
        assert!(is_sampled(&PARENT.replace("-01", "-03")));
        assert!(!is_sampled(&PARENT.replace("-01", "-00")));
        assert!(!is_sampled(&PARENT.replace("-01", "-zz")));
        assert!(!is_sampled(""));
    }

    #[tokio::test]
    async fn a_request_is_traced_as_its_client_says_and_passed_on_so() {
        let (subscriber, exporter) = recording(1.0);
        let _subscribed = tracing::subscriber::set_default(subscriber);
        let headers = |traceparent: &str| {
            let mut headers = http::HeaderMap::new();
            headers.insert(TRACEPARENT, traceparent.parse().unwrap());
            headers
        };
        assert!(matches!(
            begin(&headers(PARENT)),
            Beginning::Recorded(context) if to_text(&context).traceparent.as_deref() == Some(PARENT)
        ));
        assert!(matches!(
            begin(&http::HeaderMap::new()),
            Beginning::Recorded(_)
        ));
        let unsampled = PARENT.replace("-01", "-00");
        let Beginning::Untraced(context) = begin(&headers(&unsampled)) else {
            panic!("it is recorded")
        };
        within(Some(context), async {
            assert!(current_is_untraced());
            assert_eq!(current_traceparent().as_deref(), Some(unsampled.as_str()));
            assert_eq!(current_trace_id().as_deref(), Some(TRACE));
        })
        .await;
        assert!(!current_is_untraced());
        assert!(exporter.finished().is_empty());
    }

    #[test]
    fn without_tracing_nothing_is_carried_and_nothing_fails() {
        tracing::subscriber::with_default(
            tracing_subscriber::registry().with(None::<tracing_subscriber::fmt::Layer<_>>),
            || {
                let span = Span::none();
                set_parent_from_text(&span, Some(PARENT), None);
                add_link(&span, &from_text(Some(PARENT), None));
                span.in_scope(|| {
                    assert_eq!(current_traceparent(), None);
                    assert_eq!(current_trace_id(), None);
                });
                assert_eq!(to_text(&context_of(&span)), TraceText::default());
            },
        );
    }
}
