//! Section `job_archive`.

use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

use super::ServiceSettings;
use super::checks::SectionChecks;
use super::connection_url::ConnectionUrl;

/// A job that runs for a month is still measured as a whole when it stops; beyond a year this is no place for it.
const MAX_METRIC_RETENTION: Duration = Duration::from_hours(366 * 24);

/// The packed hours are the smallest piece that is forgotten.
const MIN_METRIC_RETENTION: Duration = Duration::from_hours(2);

/// Each has files open and what it writes in memory.
const MAX_ARCHIVED_AT_ONCE: usize = 256;

/// The job archive: what every service has, what comes from producers, and where the files of jobs are.
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
    /// Where the files of jobs are kept that have stopped: a directory, or `s3://BUCKET/PREFIX?endpoint=URL&region=NAME` with
    /// the variables `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`. Default: the directory `job-archive` in the data directory.
    pub archive_url: Option<ConnectionUrl>,
    /// Jobs whose files are written at once. Default: 8; at most 256.
    pub archive_at_once: usize,
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
            archive_url: None,
            archive_at_once: 8,
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
        checks.require(
            "archive_at_once",
            (1..=MAX_ARCHIVED_AT_ONCE).contains(&self.archive_at_once),
            format!("a number from 1 to {MAX_ARCHIVED_AT_ONCE}"),
        );
    }
}
