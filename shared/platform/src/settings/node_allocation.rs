//! Section `node_allocation`.

use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

use super::ServiceSettings;
use super::checks::SectionChecks;

/// Days for which leases that have ended are kept: a year, and some more to look at the same month of the year before.
const LEASE_RETENTION_DAYS: u64 = 400;

/// An agent shows every second: a shorter time would lose it for one late beat.
const MIN_AGENT_TIMEOUT: Duration = Duration::from_secs(3);

/// Node allocation: what every service has, how long it remembers, and how long it waits for an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeAllocationSettings {
    /// See [`ServiceSettings::command_stream_limit`].
    pub command_stream_limit: ByteSize,
    /// See [`ServiceSettings::batch_limit`].
    pub batch_limit: usize,
    /// How long a lease is remembered after its end. Default: `400d`.
    #[serde(with = "humantime_serde")]
    pub lease_retention: Duration,
    /// An agent that has not shown for so long is lost, and the compute sessions that have containers there end. Default: `15s`;
    /// at least 3s, since an agent shows every second.
    #[serde(with = "humantime_serde")]
    pub agent_timeout: Duration,
}

impl Default for NodeAllocationSettings {
    fn default() -> Self {
        let service = ServiceSettings::default();
        Self {
            command_stream_limit: service.command_stream_limit,
            batch_limit: service.batch_limit,
            lease_retention: Duration::from_hours(24 * LEASE_RETENTION_DAYS),
            agent_timeout: Duration::from_secs(15),
        }
    }
}

impl NodeAllocationSettings {
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
        checks.positive_duration("lease_retention", self.lease_retention);
        checks.require(
            "agent_timeout",
            self.agent_timeout >= MIN_AGENT_TIMEOUT,
            "a time of 3s or more".to_owned(),
        );
    }
}
