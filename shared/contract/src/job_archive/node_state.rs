//! What a batch system says of the nodes of its cluster (`api/clustercockpit.md` §1.7).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// State of a node in its batch system.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// All of it is used.
    Allocated,
    /// Kept for somebody.
    Reserved,
    /// Nothing of it is used.
    Idle,
    /// Cannot be used.
    Down,
    /// Part of it is used.
    Mixed,
    /// Anything else.
    Unknown,
}

impl NodeState {
    /// Every state.
    pub const ALL: &'static [Self] = &[
        Self::Allocated,
        Self::Reserved,
        Self::Idle,
        Self::Down,
        Self::Mixed,
        Self::Unknown,
    ];

    /// As it is written in JSON and in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allocated => "allocated",
            Self::Reserved => "reserved",
            Self::Idle => "idle",
            Self::Down => "down",
            Self::Mixed => "mixed",
            Self::Unknown => "unknown",
        }
    }

    /// The state written like this.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.name() == name)
    }

    /// The one state that several words for a node come to, whatever their case: allocated before reserved before idle
    /// before down before mixed, but a node that is idle and down is down.
    #[must_use]
    pub fn of_words<T: AsRef<str>>(words: &[T]) -> Self {
        let is = |state: Self| {
            words
                .iter()
                .any(|word| word.as_ref().eq_ignore_ascii_case(state.name()))
        };
        if is(Self::Allocated) {
            Self::Allocated
        } else if is(Self::Reserved) {
            Self::Reserved
        } else if is(Self::Down) {
            Self::Down
        } else if is(Self::Idle) {
            Self::Idle
        } else if is(Self::Mixed) {
            Self::Mixed
        } else {
            Self::Unknown
        }
    }
}

impl fmt::Display for NodeState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What is said of one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeReport {
    /// Its name.
    pub hostname: String,
    /// The state it is in.
    pub state: NodeState,
    /// Processors in use.
    pub cpus_allocated: i64,
    /// Memory in use, in MB.
    pub memory_allocated: i64,
    /// Accelerators in use.
    pub gpus_allocated: i64,
    /// Jobs on it.
    pub jobs_running: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_what_json_says() {
        for state in NodeState::ALL {
            assert_eq!(
                serde_json::to_value(state).unwrap(),
                serde_json::json!(state.name())
            );
            assert_eq!(NodeState::from_name(state.name()), Some(*state));
        }
    }

    #[test]
    fn several_words_come_to_one_state() {
        for (words, state) in [
            (&["idle"][..], NodeState::Idle),
            (&["IDLE"], NodeState::Idle),
            (&["mixed", "allocated", "down"], NodeState::Allocated),
            (&["reserved", "idle"], NodeState::Reserved),
            (&["idle", "down"], NodeState::Down),
            (&["idle", "mixed"], NodeState::Idle),
            (&["down", "mixed"], NodeState::Down),
            (&["mixed", "drain"], NodeState::Mixed),
            (&["drain", "planned"], NodeState::Unknown),
            (&[], NodeState::Unknown),
        ] {
            assert_eq!(NodeState::of_words(words), state, "{words:?}");
        }
    }
}
