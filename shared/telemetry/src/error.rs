//! What can go wrong while setting telemetry up or down.

/// Telemetry that could not be set up, written or sent.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The log setting is no list of log directives.
    #[error("{directives:?} is no log filter such as \"info,muster_messaging=debug\": {reason}")]
    LogFilter {
        /// The setting.
        directives: String,
        /// Why not.
        #[source]
        reason: tracing_subscriber::filter::ParseError,
    },
    /// Another subscriber is in place in this process.
    #[error("telemetry has been started in this process already")]
    AlreadyStarted(#[source] tracing_subscriber::util::TryInitError),
    /// The endpoint cannot be used.
    #[error("cannot send telemetry to {endpoint:?}: {reason}")]
    Endpoint {
        /// The setting.
        endpoint: String,
        /// Why not.
        #[source]
        reason: opentelemetry_otlp::ExporterBuildError,
    },
    /// The SDK refused.
    #[error("telemetry failed: {0}")]
    Sdk(#[from] opentelemetry_sdk::error::OTelSdkError),
    /// Metrics could not be written as text.
    #[error("metrics cannot be written: {0}")]
    Text(#[from] prometheus::Error),
    /// What was recorded last may be lost.
    #[error("telemetry was not sent within {0:?}")]
    FlushTimedOut(std::time::Duration),
}
