//! The instruments themselves: names, units and buckets.

use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter, UpDownCounter};

use super::levels::{self, Readings};
use crate::names::metric;

/// Seconds. The conventions' buckets begin at 5 ms; a commit here takes a fraction of that, and a
/// deadline may be longer than their last one.
const DURATION_BUCKETS: [f64; 15] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// Seconds. An order to an agent may take many minutes.
const STEP_BUCKETS: [f64; 14] = [
    0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 120.0, 600.0, 3_600.0,
];

/// Seconds. Whoever waits for nodes or slots may do so for a day.
const WAIT_BUCKETS: [f64; 13] = [
    0.01, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 43_200.0, 86_400.0,
];

/// Messages: powers of two, as batches double under load.
const BATCH_BUCKETS: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

#[derive(Debug)]
pub(super) struct Instruments {
    pub(super) http_duration: Histogram<f64>,
    pub(super) command_duration: Histogram<f64>,
    pub(super) operation_duration: Histogram<f64>,
    pub(super) process_duration: Histogram<f64>,
    pub(super) step_duration: Histogram<f64>,
    pub(super) periodic_duration: Histogram<f64>,
    pub(super) queue_wait: Histogram<f64>,
    pub(super) batch_size: Histogram<u64>,
    pub(super) sent: Counter<u64>,
    pub(super) consumed: Counter<u64>,
    pub(super) duplicates: Counter<u64>,
    pub(super) dead_letters: Counter<u64>,
    pub(super) dropped: Counter<u64>,
    pub(super) outbox_unpublished: Gauge<u64>,
    pub(super) outbox_oldest_age: Gauge<f64>,
    pub(super) waiters: UpDownCounter<i64>,
}

impl Instruments {
    pub(super) fn new(meter: &Meter, readings: &Readings) -> Self {
        levels::register(meter, readings);
        let duration = |name, description| {
            meter
                .f64_histogram(name)
                .with_unit("s")
                .with_description(description)
                .with_boundaries(DURATION_BUCKETS.to_vec())
                .build()
        };
        let messages = |name, description| {
            meter
                .u64_counter(name)
                .with_unit("{message}")
                .with_description(description)
                .build()
        };
        Self {
            http_duration: duration(
                metric::HTTP_SERVER_REQUEST_DURATION,
                "Duration of HTTP server requests.",
            ),
            command_duration: duration(
                metric::MUSTER_COMMAND_DURATION,
                "Time from accepting a command by HTTP to having its outcome.",
            ),
            operation_duration: duration(
                metric::MESSAGING_CLIENT_OPERATION_DURATION,
                "Duration of messaging operations, from beginning to the broker's answer.",
            ),
            process_duration: duration(
                metric::MESSAGING_PROCESS_DURATION,
                "Duration of processing a batch of messages, commit included.",
            ),
            step_duration: meter
                .f64_histogram(metric::MUSTER_SAGA_STEP_DURATION)
                .with_unit("s")
                .with_description(
                    "Time from storing a message to the end of what it sets off where it is taken.",
                )
                .with_boundaries(STEP_BUCKETS.to_vec())
                .build(),
            periodic_duration: duration(
                metric::MUSTER_PERIODIC_DURATION,
                "Duration of one run of work that is done again and again.",
            ),
            queue_wait: meter
                .f64_histogram(metric::MUSTER_QUEUE_WAIT)
                .with_unit("s")
                .with_description("Time that a request waited in a queue until it was granted.")
                .with_boundaries(WAIT_BUCKETS.to_vec())
                .build(),
            batch_size: meter
                .u64_histogram(metric::MUSTER_BATCH_SIZE)
                .with_unit("{message}")
                .with_description("Messages handled in one transaction.")
                .with_boundaries(BATCH_BUCKETS.to_vec())
                .build(),
            sent: messages(
                metric::MESSAGING_CLIENT_SENT_MESSAGES,
                "Messages handed to the broker.",
            ),
            consumed: messages(
                metric::MESSAGING_CLIENT_CONSUMED_MESSAGES,
                "Messages delivered by the broker.",
            ),
            duplicates: messages(
                metric::MUSTER_INBOX_DUPLICATES,
                "Messages delivered again after they had been dealt with.",
            ),
            dead_letters: messages(
                metric::MUSTER_DEAD_LETTERS,
                "Messages put aside because they could not be processed.",
            ),
            dropped: messages(
                metric::MUSTER_MESSAGES_DROPPED,
                "Messages dropped because they came faster than they were taken.",
            ),
            outbox_unpublished: meter
                .u64_gauge(metric::MUSTER_OUTBOX_UNPUBLISHED)
                .with_unit("{row}")
                .with_description("Outbox rows not yet published.")
                .build(),
            outbox_oldest_age: meter
                .f64_gauge(metric::MUSTER_OUTBOX_OLDEST_AGE)
                .with_unit("s")
                .with_description("Age of the oldest outbox row not yet published.")
                .build(),
            waiters: meter
                .i64_up_down_counter(metric::MUSTER_INGRESS_WAITERS)
                .with_unit("{request}")
                .with_description("Requests waiting for the outcome of a command.")
                .build(),
        }
    }
}
