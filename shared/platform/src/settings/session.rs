//! Section `session`.

use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

use super::ServiceSettings;
use super::checks::SectionChecks;

/// Days for which compute sessions that are over are kept, and what they wrote.
const COMPUTE_HISTORY_DAYS: u64 = 90;

/// Days for which runs that have ended are kept: a year, and some more to look at the same month of the year before.
const RUN_HISTORY_DAYS: u64 = 400;

/// The session service: what every service has, how long things may take, and how long they are remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionSettings {
    /// See [`ServiceSettings::command_stream_limit`].
    pub command_stream_limit: ByteSize,
    /// See [`ServiceSettings::batch_limit`].
    pub batch_limit: usize,
    /// How long a job of a job session's run may take; then it is ended on its behalf, so that a job or a machine that dies
    /// does not hold the run for ever. Default: `24h`.
    #[serde(with = "humantime_serde")]
    pub job_run_limit: Duration,
    /// How long a run of a job session is remembered after its end; a session's last run always is. Default: `400d`.
    #[serde(with = "humantime_serde")]
    pub run_history: Duration,
    /// How long the containers of a compute session may take to start, or to start anew; then they are ended. Default: `5m`.
    #[serde(with = "humantime_serde")]
    pub compute_start_limit: Duration,
    /// How long an agent may take to end a container; then it is told again, and in the end the session is over without it.
    /// Default: `1m`.
    #[serde(with = "humantime_serde")]
    pub compute_stop_limit: Duration,
    /// How long a compute session that is over is kept, and what it wrote; the job archive keeps what became of it. Default: `90d`.
    #[serde(with = "humantime_serde")]
    pub compute_history: Duration,
}

impl Default for SessionSettings {
    fn default() -> Self {
        let service = ServiceSettings::default();
        Self {
            command_stream_limit: service.command_stream_limit,
            batch_limit: service.batch_limit,
            job_run_limit: Duration::from_hours(24),
            run_history: Duration::from_hours(24 * RUN_HISTORY_DAYS),
            compute_start_limit: Duration::from_mins(5),
            compute_stop_limit: Duration::from_mins(1),
            compute_history: Duration::from_hours(24 * COMPUTE_HISTORY_DAYS),
        }
    }
}

impl SessionSettings {
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
        checks.positive_duration("job_run_limit", self.job_run_limit);
        checks.positive_duration("run_history", self.run_history);
        checks.positive_duration("compute_start_limit", self.compute_start_limit);
        checks.positive_duration("compute_stop_limit", self.compute_stop_limit);
        checks.positive_duration("compute_history", self.compute_history);
    }
}
