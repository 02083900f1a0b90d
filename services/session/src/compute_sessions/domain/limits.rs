//! How long things may take.

use std::time::Duration;

use muster_platform::settings::SessionSettings;

/// How long the agents may take, and how long what is over is kept: section `session` of the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ComputeLimits {
    /// From the order to start or restart the containers of a session until all of them run.
    pub(crate) start: Duration,
    /// From the order to end a container until it is over; then it is ordered again.
    pub(crate) stop: Duration,
    /// How long sessions that are over, and what their containers wrote, are kept.
    pub(crate) history: Duration,
}

impl ComputeLimits {
    /// What the settings say.
    pub(crate) fn of(settings: &SessionSettings) -> Self {
        Self {
            start: settings.compute_start_limit,
            stop: settings.compute_stop_limit,
            history: settings.compute_history,
        }
    }
}

/// How often the end of a container is ordered; then the session is over without the word of its agent.
pub(super) const STOP_ATTEMPTS: u32 = 4;

/// After how long the answer of node allocation is missed. The broker and the outbox lose nothing; a command that was put aside
/// as a dead letter, or discarded there, would leave its session without an answer.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_mins(1);

/// How often node allocation is asked again about a session that waits in its queue, in case its answer got lost.
pub(super) const QUEUE_CHECK: Duration = Duration::from_mins(10);

/// Bytes that are kept of the reason that an agent gives.
pub(super) const REASON_LIMIT: usize = 4 * 1024;

/// The moment so long after another: microseconds since 1970 UTC.
pub(crate) fn after(now: i64, duration: Duration) -> i64 {
    now.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX))
}

/// The moment so long before another: microseconds since 1970 UTC.
pub(crate) fn before(now: i64, duration: Duration) -> i64 {
    now.saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX))
}
