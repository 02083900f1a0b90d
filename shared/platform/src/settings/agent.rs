//! Section `agent`.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::checks::SectionChecks;

/// An agent, which runs the hooks of a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentSettings {
    /// The name that the site file knows it by. No default.
    pub name: Option<String>,
    /// Directory with the programs that it runs as hooks. No default. Absolute after loading.
    pub hooks_directory: Option<PathBuf>,
    /// File with the key it signs in to the broker with. Default: `agent-<name>.nk` in the
    /// directory of the parts' keys. Absolute after loading.
    pub key_file: Option<PathBuf>,
    /// How many hooks it runs at once. Default: 32: more than node allocation gives it to install and
    /// to wipe at a time (16), so that preparing nodes for sessions never waits behind those.
    pub concurrency: usize,
    /// How long the hooks that run may go on after it was told to stop; then they are ended, and
    /// run again after its next start. Default: `10s`.
    #[serde(with = "humantime_serde")]
    pub stop_grace: Duration,
}

impl Default for AgentSettings {
    fn default() -> Self {
        Self {
            name: None,
            hooks_directory: None,
            key_file: None,
            concurrency: 32,
            stop_grace: Duration::from_secs(10),
        }
    }
}

impl AgentSettings {
    pub(super) fn check(&self, checks: &mut SectionChecks<'_>) {
        checks.positive("concurrency", self.concurrency);
    }
}
