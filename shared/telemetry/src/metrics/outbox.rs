//! What waits in an outbox.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::{KeyValue, StringValue};

use super::instruments::Instruments;
use crate::names;

/// The outbox of one part.
#[derive(Debug, Clone)]
pub struct OutboxMetrics {
    instruments: Arc<Instruments>,
    part: [KeyValue; 1],
}

impl OutboxMetrics {
    pub(super) fn new(instruments: Arc<Instruments>, part: StringValue) -> Self {
        let outbox = Self {
            instruments,
            part: [KeyValue::new(names::MUSTER_PART, part)],
        };
        outbox.waiting(0, Duration::ZERO);
        outbox
    }

    /// `rows` are not yet published, the oldest of them for `oldest`.
    pub fn waiting(&self, rows: u64, oldest: Duration) {
        self.instruments.outbox_unpublished.record(rows, &self.part);
        self.instruments
            .outbox_oldest_age
            .record(oldest.as_secs_f64(), &self.part);
    }
}
