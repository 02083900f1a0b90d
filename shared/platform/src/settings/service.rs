//! Part of `session`, `node_allocation` and `job_archive`: what is the same for every service that owns tables.

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

use super::checks::SectionChecks;

/// A service that owns tables and takes commands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceSettings {
    /// How much the stream of commands not yet carried out may hold; beyond it clients get 503.
    /// Default: `256MiB`.
    pub command_stream_limit: ByteSize,
    /// The most commands carried out in one transaction. Default: 64.
    pub batch_limit: usize,
}

impl Default for ServiceSettings {
    fn default() -> Self {
        Self {
            command_stream_limit: ByteSize::mib(256),
            batch_limit: 64,
        }
    }
}

impl ServiceSettings {
    pub(super) fn check(&self, checks: &mut SectionChecks<'_>) {
        checks.positive_size("command_stream_limit", self.command_stream_limit);
        checks.positive("batch_limit", self.batch_limit);
    }
}
