//! What an agent measures of its orders.

use std::{fmt, sync::Arc, time::Duration};

use muster_contract::topology::ORDER_STREAM;
use muster_platform::Clock;
use muster_telemetry::{Metrics, metrics::ConsumerMetrics, names};
use tracing::Span;

/// The consumer in metrics: the same of every agent, as their own names are without a bound.
const GROUP: &str = "agent";

/// Measures orders: how long they waited, and how long it took until their reports were stored.
#[derive(Clone)]
pub(super) struct Measured {
    metrics: ConsumerMetrics,
    clock: Arc<dyn Clock>,
}

impl Measured {
    pub(super) fn new(metrics: &Metrics, clock: Arc<dyn Clock>) -> Self {
        Self {
            metrics: metrics.consumer(ORDER_STREAM, GROUP),
            clock,
        }
    }

    /// An order is taken that the broker has stored at that time, in microseconds since 1970.
    pub(super) fn taken(&self, span: &Span, stored_at: i64) {
        self.metrics.consumed(1);
        if !span.is_disabled() {
            let waited = self.since(stored_at).as_secs_f64();
            span.record(names::MUSTER_WAITED, waited);
        }
    }

    /// Its report is stored: this step of the saga is done.
    pub(super) fn reported(&self, schema: &str, stored_at: i64) {
        self.metrics.step(schema.to_owned(), self.since(stored_at));
    }

    fn since(&self, stored_at: i64) -> Duration {
        let micros = self.clock.now().as_micros().saturating_sub(stored_at);
        // Two machines' clocks: a little of it may be before nothing.
        Duration::from_micros(micros.max(0).unsigned_abs())
    }
}

impl fmt::Debug for Measured {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Measured").finish_non_exhaustive()
    }
}
