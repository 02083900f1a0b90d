//! Messages handed to the broker.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::{KeyValue, StringValue};

use super::instruments::Instruments;
use crate::names::{self, value};

/// What is published to one destination.
#[derive(Debug, Clone)]
pub struct PublisherMetrics {
    instruments: Arc<Instruments>,
    labels: [KeyValue; 4],
}

impl PublisherMetrics {
    pub(super) fn new(instruments: Arc<Instruments>, destination: StringValue) -> Self {
        let labels = [
            KeyValue::new(names::MESSAGING_SYSTEM, value::NATS),
            KeyValue::new(names::MESSAGING_OPERATION_NAME, value::SEND),
            KeyValue::new(names::MESSAGING_OPERATION_TYPE, value::SEND),
            KeyValue::new(names::MESSAGING_DESTINATION_NAME, destination),
        ];
        instruments.sent.add(0, &labels);
        Self {
            instruments,
            labels,
        }
    }

    /// `messages` were taken by the broker, `elapsed` after the first was handed over.
    pub fn sent(&self, messages: u64, elapsed: Duration) {
        self.instruments.sent.add(messages, &self.labels);
        self.instruments
            .operation_duration
            .record(elapsed.as_secs_f64(), &self.labels);
    }

    /// The broker did not take `messages`; `error` is of a small fixed set, such as `timeout`.
    pub fn failed(&self, messages: u64, error: &'static str, elapsed: Duration) {
        let [system, name, kind, destination] = self.labels.clone();
        let error = KeyValue::new(names::ERROR_TYPE, error);
        let labels = [system, name, kind, destination, error];
        self.instruments.sent.add(messages, &labels);
        self.instruments
            .operation_duration
            .record(elapsed.as_secs_f64(), &labels);
    }
}
