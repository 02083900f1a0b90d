//! Commands from end to end.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::{KeyValue, StringValue};

use super::instruments::Instruments;
use crate::names;

/// How a command ended, as its client sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandOutcome {
    /// Carried out.
    Done,
    /// Refused by the service that owns it: an outcome like any other.
    Refused,
    /// The service failed.
    Failed,
    /// No outcome before the deadline; it may still be carried out.
    TimedOut,
    /// Not taken: the broker is away, or too many wait already.
    Unavailable,
}

impl CommandOutcome {
    /// The value of the attribute `muster.outcome`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Unavailable => "unavailable",
        }
    }
}

/// How long one kind of command takes from end to end.
#[derive(Debug, Clone)]
pub struct CommandMetrics {
    instruments: Arc<Instruments>,
    command: KeyValue,
}

impl CommandMetrics {
    pub(super) fn new(instruments: Arc<Instruments>, command: StringValue) -> Self {
        Self {
            instruments,
            command: KeyValue::new(names::MUSTER_COMMAND, command),
        }
    }

    /// A command had its outcome `elapsed` after it was accepted by HTTP.
    pub fn finished(&self, outcome: CommandOutcome, elapsed: Duration) {
        let outcome = KeyValue::new(names::MUSTER_OUTCOME, outcome.as_str());
        self.instruments
            .command_duration
            .record(elapsed.as_secs_f64(), &[self.command.clone(), outcome]);
    }
}
