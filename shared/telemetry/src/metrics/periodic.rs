//! Work that is done again and again.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::{KeyValue, StringValue};

use super::instruments::Instruments;
use crate::names;

/// One such work.
#[derive(Debug, Clone)]
pub struct PeriodicMetrics {
    instruments: Arc<Instruments>,
    labels: [KeyValue; 2],
}

impl PeriodicMetrics {
    pub(super) fn new(instruments: Arc<Instruments>, part: StringValue, work: StringValue) -> Self {
        Self {
            instruments,
            labels: [
                KeyValue::new(names::MUSTER_PART, part),
                KeyValue::new(names::MUSTER_WORK, work),
            ],
        }
    }

    /// A run took `elapsed`; `error` is of a small fixed set, such as `storage`.
    pub fn ran(&self, error: Option<&'static str>, elapsed: Duration) {
        let seconds = elapsed.as_secs_f64();
        let Some(error) = error else {
            return self
                .instruments
                .periodic_duration
                .record(seconds, &self.labels);
        };
        let [part, work] = self.labels.clone();
        let error = KeyValue::new(names::ERROR_TYPE, error);
        self.instruments
            .periodic_duration
            .record(seconds, &[part, work, error]);
    }
}
