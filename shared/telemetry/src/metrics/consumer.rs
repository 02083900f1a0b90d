//! Messages taken from the broker.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::{KeyValue, StringValue};

use super::instruments::Instruments;
use crate::names::{self, value};

/// What one consumer takes from one destination.
#[derive(Debug, Clone)]
pub struct ConsumerMetrics {
    instruments: Arc<Instruments>,
    receiving: [KeyValue; 4],
    processing: [KeyValue; 4],
    /// For our own instruments, which have nothing to do with an operation.
    consumer: [KeyValue; 2],
}

impl ConsumerMetrics {
    pub(super) fn new(
        instruments: Arc<Instruments>,
        destination: StringValue,
        group: StringValue,
    ) -> Self {
        let destination = KeyValue::new(names::MESSAGING_DESTINATION_NAME, destination);
        let group = KeyValue::new(names::MESSAGING_CONSUMER_GROUP_NAME, group);
        let labels = |operation: &'static str| {
            [
                KeyValue::new(names::MESSAGING_SYSTEM, value::NATS),
                KeyValue::new(names::MESSAGING_OPERATION_NAME, operation),
                destination.clone(),
                group.clone(),
            ]
        };
        let receiving = labels(value::RECEIVE);
        let processing = labels(value::PROCESS);
        let consumer = [destination, group];
        instruments.consumed.add(0, &receiving);
        instruments.duplicates.add(0, &consumer);
        instruments.dead_letters.add(0, &consumer);
        instruments.dropped.add(0, &consumer);
        Self {
            instruments,
            receiving,
            processing,
            consumer,
        }
    }

    /// `messages` were delivered.
    pub fn consumed(&self, messages: u64) {
        self.instruments.consumed.add(messages, &self.receiving);
    }

    /// A batch of `messages` was processed in one transaction that took `elapsed`.
    pub fn processed(&self, messages: u64, elapsed: Duration) {
        self.instruments.batch_size.record(messages, &self.consumer);
        self.instruments
            .process_duration
            .record(elapsed.as_secs_f64(), &self.processing);
    }

    /// A batch could not be processed; `error` is of a small fixed set, such as `storage`.
    pub fn failed(&self, error: &'static str, elapsed: Duration) {
        let [system, operation, destination, group] = self.processing.clone();
        let error = KeyValue::new(names::ERROR_TYPE, error);
        self.instruments.process_duration.record(
            elapsed.as_secs_f64(),
            &[system, operation, destination, group, error],
        );
    }

    /// A message of this kind (its schema name) was dealt with `elapsed` after it had been stored.
    pub fn step(&self, kind: impl Into<StringValue>, elapsed: Duration) {
        let [_, group] = self.consumer.clone();
        self.instruments.step_duration.record(
            elapsed.as_secs_f64(),
            &[KeyValue::new(names::MUSTER_MESSAGE, kind.into()), group],
        );
    }

    /// `messages` had been dealt with before.
    pub fn duplicates(&self, messages: u64) {
        self.instruments.duplicates.add(messages, &self.consumer);
    }

    /// `messages` were dropped: they came faster than they were taken.
    pub fn dropped(&self, messages: u64) {
        self.instruments.dropped.add(messages, &self.consumer);
    }

    /// `messages` were put aside.
    pub fn dead_letters(&self, messages: u64) {
        self.instruments.dead_letters.add(messages, &self.consumer);
    }
}
