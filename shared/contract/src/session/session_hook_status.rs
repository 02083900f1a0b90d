//! How far the set-up or the tear-down of a session is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A hook of a session, as operators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionHookStatus {
    /// How far it is.
    pub state: SessionHookState,
    /// Who runs it.
    pub agent: String,
    /// Attempts that were begun.
    pub attempts: u32,
    /// Why the last attempt that is over failed, as the hook said; for operators, not for owners.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How far a hook is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionHookState {
    /// Its time has not come.
    Idle,
    /// An attempt is on.
    Running,
    /// An attempt has failed; another one comes.
    Waiting,
    /// It has done what it is for.
    Succeeded,
    /// It was given up.
    Failed,
}

impl SessionHookState {
    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}
