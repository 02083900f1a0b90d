//! Section `telemetry`.

use serde::{Deserialize, Serialize};

use super::checks::SectionChecks;

/// Traces, metrics and logs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetrySettings {
    /// Where traces and metrics are sent by OTLP over gRPC, such as `http://127.0.0.1:4317`.
    /// Default: none, off.
    pub otlp_endpoint: Option<String>,
    /// The share of traces begun here that is recorded, 0 to 1. Default: 1.0.
    pub sampling_ratio: f64,
    /// What is logged: a level, or directives such as `info,muster_messaging=debug`. Default:
    /// `info`.
    pub log: String,
    /// How log lines look. Default: `json`.
    pub log_format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For reading at a terminal.
    Text,
}

/// A log format by its name in settings.
impl TryFrom<String> for LogFormat {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        match name.as_str() {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            _ => Err("expected json or text"),
        }
    }
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self {
            otlp_endpoint: None,
            sampling_ratio: 1.0,
            log: "info".to_owned(),
            log_format: LogFormat::Json,
        }
    }
}

impl TelemetrySettings {
    pub(super) fn check(&self, checks: &mut SectionChecks<'_>) {
        checks.require(
            "otlp_endpoint",
            self.otlp_endpoint
                .as_ref()
                .is_none_or(|endpoint| endpoint.starts_with("http://")),
            "a URL such as http://127.0.0.1:4317; for TLS, send to a collector on this machine"
                .to_owned(),
        );
        checks.require(
            "sampling_ratio",
            (0.0..=1.0).contains(&self.sampling_ratio),
            "a number from 0 to 1".to_owned(),
        );
    }
}
