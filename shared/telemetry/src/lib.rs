//! Seeing what Muster does: traces, metrics and logs. Set-up of a process, carrying trace contexts
//! over NATS, HTTP and the outbox, the instruments, and the names used.

pub mod log_line;
pub mod metrics;
pub mod names;
pub mod propagation;
mod sampling;
pub mod setup;

mod error;

pub use error::TelemetryError;
pub use metrics::Metrics;
pub use setup::{LogFormat, Telemetry, TelemetryOptions};

/// The context a trace is carried on with, for callers that have no use for the rest of
/// OpenTelemetry.
pub use opentelemetry::Context;
