//! Section `job_archive`.

use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

use super::ServiceSettings;
use super::checks::SectionChecks;

/// A job that runs for a month is still measured as a whole when it stops; beyond a year this is no place for it.
const MAX_METRIC_RETENTION: Duration = Duration::from_hours(366 * 24);

/// The packed hours are the smallest piece that is forgotten.
const MIN_METRIC_RETENTION: Duration = Duration::from_hours(2);

/// The job archive: what every service has, and what comes from producers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobArchiveSettings {
    /// See [`ServiceSettings::command_stream_limit`].
    pub command_stream_limit: ByteSize,
    /// See [`ServiceSettings::batch_limit`].
    pub batch_limit: usize,
    /// How much the stream of job events of producers may hold that were not yet taken. Default: `256MiB`.
    pub job_event_stream_limit: ByteSize,
    /// The same for metric samples. Default: `256MiB`.
    pub metric_stream_limit: ByteSize,
    /// How long a stop that a producer told of waits for the start of its job; then it is a dead letter. Default: `24h`.
    #[serde(with = "humantime_serde")]
    pub early_stop_age: Duration,
    /// How long metric samples are kept. What was measured of a job is written to the archive when it stops, so this is also the
    /// longest job that is measured whole. Default: `14d`; from 2h to 366d.
    #[serde(with = "humantime_serde")]
    pub metric_retention: Duration,
}

impl Default for JobArchiveSettings {
    fn default() -> Self {
        let service = ServiceSettings::default();
        Self {
            command_stream_limit: service.command_stream_limit,
            batch_limit: service.batch_limit,
            job_event_stream_limit: ByteSize::mib(256),
            metric_stream_limit: ByteSize::mib(256),
            early_stop_age: Duration::from_hours(24),
            metric_retention: Duration::from_hours(14 * 24),
        }
    }
}

impl JobArchiveSettings {
    /// What every service has.
    #[must_use]
    pub fn service(&self) -> ServiceSettings {
        ServiceSettings {
            command_stream_limit: self.command_stream_limit,
            batch_limit: self.batch_limit,
        }
    }

    pub(super) fn check(&self, checks: &mut SectionChecks<'_>) {
        self.service().check(checks);
        checks.positive_size("job_event_stream_limit", self.job_event_stream_limit);
        checks.positive_size("metric_stream_limit", self.metric_stream_limit);
        checks.positive_duration("early_stop_age", self.early_stop_age);
        checks.require(
            "metric_retention",
            (MIN_METRIC_RETENTION..=MAX_METRIC_RETENTION).contains(&self.metric_retention),
            "a time from 2h to 366d".to_owned(),
        );
    }
}
