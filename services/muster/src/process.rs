//! What every process of Muster has: settings, telemetry, time, ids, health.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use muster_messaging::Environment;
use muster_platform::{
    Health, Ids, RandomIds, Settings, SystemClock, settings::LogFormat as ConfiguredFormat,
};
use muster_telemetry::{LogFormat, Telemetry, TelemetryOptions};

/// How long what has been traced and measured may take to be sent at the end.
const TELEMETRY_DEADLINE: Duration = Duration::from_secs(3);

/// A process on its way up.
pub(crate) struct Process {
    pub(crate) settings: Settings,
    pub(crate) telemetry: Telemetry,
    pub(crate) environment: Environment,
    pub(crate) health: Health,
    /// Tells this process from the other replicas of its part.
    pub(crate) instance: String,
}

impl Process {
    /// Starts telemetry under this service name.
    pub(crate) fn start(settings: Settings, service_name: &str) -> Result<Self> {
        let instance = RandomIds.next().simple().to_string();
        let options = TelemetryOptions {
            service_name: service_name.to_owned(),
            instance: instance.clone(),
            otlp_endpoint: settings.telemetry.otlp_endpoint.clone(),
            sampling_ratio: settings.telemetry.sampling_ratio,
            log: settings.telemetry.log.clone(),
            log_format: match settings.telemetry.log_format {
                ConfiguredFormat::Json => LogFormat::Json,
                ConfiguredFormat::Text => LogFormat::Text,
            },
        };
        let telemetry = Telemetry::start(&options).context("telemetry does not start")?;
        Ok(Self {
            settings,
            telemetry,
            environment: Environment {
                clock: Arc::new(SystemClock),
                ids: Arc::new(RandomIds),
            },
            health: Health::new(),
            instance,
        })
    }

    /// Sends what has been recorded.
    pub(crate) async fn end(self) {
        if let Err(error) = self.telemetry.shutdown(TELEMETRY_DEADLINE).await {
            tracing::warn!(%error, "not all telemetry could be sent");
        }
    }
}
