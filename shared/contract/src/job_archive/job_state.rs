//! States of a batch job: those of the seed and those of later ClusterCockpit releases.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// State of a batch job. The union of both state sets of `api/clustercockpit.md` §0.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Its nodes did not boot.
    BootFail,
    /// Cancelled by a person.
    Cancelled,
    /// Ended well.
    Completed,
    /// Ended at its deadline.
    Deadline,
    /// Ended with an error.
    Failed,
    /// A node failed.
    NodeFail,
    /// Ran out of memory.
    OutOfMemory,
    /// Not yet running.
    Pending,
    /// Gave way to another job.
    Preempted,
    /// Running.
    Running,
    /// Ended by the batch system (seed's state set only).
    Stopped,
    /// Suspended.
    Suspended,
    /// Ran into its time limit.
    Timeout,
}

impl JobState {
    /// Every state.
    pub const ALL: &'static [JobState] = &[
        JobState::BootFail,
        JobState::Cancelled,
        JobState::Completed,
        JobState::Deadline,
        JobState::Failed,
        JobState::NodeFail,
        JobState::OutOfMemory,
        JobState::Pending,
        JobState::Preempted,
        JobState::Running,
        JobState::Stopped,
        JobState::Suspended,
        JobState::Timeout,
    ];

    /// As it is written in JSON and in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            JobState::BootFail => "boot_fail",
            JobState::Cancelled => "cancelled",
            JobState::Completed => "completed",
            JobState::Deadline => "deadline",
            JobState::Failed => "failed",
            JobState::NodeFail => "node_fail",
            JobState::OutOfMemory => "out_of_memory",
            JobState::Pending => "pending",
            JobState::Preempted => "preempted",
            JobState::Running => "running",
            JobState::Stopped => "stopped",
            JobState::Suspended => "suspended",
            JobState::Timeout => "timeout",
        }
    }

    /// The state written like this.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.name() == name)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_what_json_says() {
        for state in JobState::ALL {
            assert_eq!(
                serde_json::to_value(state).unwrap(),
                serde_json::json!(state.name())
            );
            assert_eq!(JobState::from_name(state.name()), Some(*state));
        }
    }
}
