//! Queues for what is lent out.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;

use super::instruments::Instruments;
use crate::names;

/// What comes out of the queues.
#[derive(Debug, Clone)]
pub struct QueueMetrics {
    instruments: Arc<Instruments>,
}

impl QueueMetrics {
    pub(super) fn new(instruments: Arc<Instruments>) -> Self {
        Self { instruments }
    }

    /// A request of `queue`, one of a small fixed set such as `nodes`, was granted after it had waited for so long.
    pub fn granted(&self, queue: &'static str, waited: Duration) {
        self.instruments.queue_wait.record(
            waited.as_secs_f64(),
            &[KeyValue::new(names::MUSTER_QUEUE, queue)],
        );
    }
}
