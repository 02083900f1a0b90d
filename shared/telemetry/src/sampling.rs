//! Which traces are recorded.
//!
//! A request from outside is decided on [before it has a span](crate::propagation::begin), and its first span says by its kind that
//! this was done. What begins a trace inside (periodic work, a report that no order asked for) is decided on here.

use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::trace::{Link, SpanKind, TraceContextExt as _, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, ShouldSample};

/// The ratio of this process, as the bits of a float. All of them until one is set.
static RATIO: AtomicU64 = AtomicU64::new(1.0_f64.to_bits());

/// Sets how many of all traces are recorded: 0 to 1.
pub(crate) fn set_ratio(ratio: f64) {
    RATIO.store(ratio.to_bits(), Ordering::Relaxed);
}

/// Whether the trace is one of those that are recorded.
pub(crate) fn chosen(trace: TraceId) -> bool {
    let ratio = f64::from_bits(RATIO.load(Ordering::Relaxed));
    is_among(ratio, trace)
}

fn is_among(ratio: f64, trace: TraceId) -> bool {
    Sampler::TraceIdRatioBased(ratio)
        .should_sample(None, trace, "", &SpanKind::Internal, &[], &[])
        .decision
        == SamplingDecision::RecordAndSample
}

/// The sampler of first spans.
#[derive(Debug, Clone)]
pub(crate) struct FirstSpans {
    pub(crate) ratio: f64,
}

impl ShouldSample for FirstSpans {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace: TraceId,
        _name: &str,
        kind: &SpanKind,
        _attributes: &[KeyValue],
        _links: &[Link],
    ) -> SamplingResult {
        let decided_before = *kind == SpanKind::Server && self.ratio > 0.0;
        let decision = if decided_before || is_among(self.ratio, trace) {
            SamplingDecision::RecordAndSample
        } else {
            SamplingDecision::Drop
        };
        SamplingResult {
            decision,
            attributes: Vec::new(),
            trace_state: parent.map_or(TraceState::NONE, |parent| {
                parent.span().span_context().trace_state().clone()
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_kept() {
        let chosen = |ratio| {
            let traces = (1..=10_000_u128).map(|number| number * (u128::MAX / 10_001));
            traces
                .filter(|trace| is_among(ratio, TraceId::from(*trace)))
                .count()
        };
        assert_eq!(chosen(0.0), 0);
        assert_eq!(chosen(1.0), 10_000);
        let some = chosen(0.01);
        assert!((50..200).contains(&some), "{some}");
    }

    #[test]
    fn what_was_decided_before_is_not_decided_again() {
        let sample = |ratio, kind| {
            FirstSpans { ratio }
                .should_sample(None, TraceId::from(u128::MAX), "", &kind, &[], &[])
                .decision
        };
        let recorded = SamplingDecision::RecordAndSample;
        assert_eq!(sample(0.01, SpanKind::Server), recorded);
        assert_eq!(sample(0.01, SpanKind::Producer), SamplingDecision::Drop);
        assert_eq!(sample(0.0, SpanKind::Server), SamplingDecision::Drop);
        assert_eq!(sample(1.0, SpanKind::Producer), recorded);
    }
}
