//! Which compute session is meant.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Names a session that is not over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComputeSessionReference {
    /// The access key that it belongs to.
    pub owner: String,
    /// Its id or its name, whole; or, if there is none of them, the beginning of the id or the name of exactly one
    /// (`api/backendai.md` §2, "Name or id").
    pub name: String,
    /// Whether one that is over may be meant as well; those that are not come first.
    pub or_over: bool,
}

/// Why nothing was done to a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ComputeSessionRefusal {
    /// The owner has none like that.
    Unknown,
    /// Several begin like that.
    Ambiguous {
        /// Some of them.
        matches: Vec<super::ComputeSessionMatch>,
    },
    /// It does not run: it cannot be restarted or used.
    NotRunning {
        /// Which it is.
        session: Uuid,
        /// Where it is.
        status: super::ComputeSessionStatus,
    },
    /// It was ended, or its restart failed.
    Ended {
        /// Why.
        reason: String,
    },
}
