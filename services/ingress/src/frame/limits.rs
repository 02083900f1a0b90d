//! What one request may take. The sizes an operator may choose come from the settings; these are
//! the ones nobody should have to.

use std::time::Duration;

use muster_platform::settings::IngressSettings;

/// Bytes of path and query together. Longer ones are refused with 414.
pub(crate) const URI_LIMIT: usize = 8 * 1024;

/// Bytes of a request line and all headers. Beyond, a request has no path yet that could say which
/// dialect it is: the connection answers a bare 431 and closes.
pub(crate) const HEAD_LIMIT: usize = 64 * 1024;

/// Connections at a time; further ones wait to be accepted.
pub(crate) const CONNECTION_LIMIT: usize = 16 * 1024;

/// Clients at a time whose requests are being cancelled since they went away; those of further ones are not.
pub(crate) const CANCELLATION_LIMIT: usize = 4 * 1024;

/// Clients at a time that listen to events or run code over a web socket; further ones are told to try again.
pub(crate) const LIVE_LIMIT: usize = 1024;

/// How long requests may take to finish once the process has been told to stop: as long as commands
/// do by default, and less than the process then waits for its tasks.
pub(crate) const DRAIN_DEADLINE: Duration = Duration::from_secs(12);

/// A connection closed on data that nobody has read is reset, and an answer given before the whole
/// request was there is lost. So that much of it is still read and thrown away, for no longer than
/// [`LINGER_TIME`].
pub(crate) const LINGER_LIMIT: usize = 64 * 1024 * 1024;

/// See [`LINGER_LIMIT`].
pub(crate) const LINGER_TIME: Duration = Duration::from_secs(5);

/// Pause after a connection could not be accepted for want of file descriptors or memory.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The settings as the frame uses them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Connections at a time.
    pub(crate) connections: usize,
    /// Bytes of a body.
    pub(crate) body: usize,
    /// Time to send a request: its head, and again its body. A connection without a request is
    /// closed after this time too.
    pub(crate) reading: Duration,
    /// How long a command's outcome is waited for.
    pub(crate) command: Duration,
    /// How long an answer is waited for.
    pub(crate) query: Duration,
    /// How long it is waited for that a compute session runs, runs again or is over.
    pub(crate) session_wait: Duration,
}

impl Limits {
    pub(crate) fn of(settings: &IngressSettings) -> Self {
        Self {
            connections: CONNECTION_LIMIT,
            body: usize::try_from(settings.body_limit.as_u64()).unwrap_or(usize::MAX),
            reading: settings.request_timeout,
            command: settings.command_deadline,
            query: settings.query_deadline,
            session_wait: settings.session_wait_limit,
        }
    }
}
