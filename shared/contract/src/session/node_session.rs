//! A node session as its owner sees it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SessionHookStatus;
use crate::node_allocation::LeasedNode;

/// Where in its life a node session is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum NodeSessionState {
    /// It waits for its first nodes.
    Opening,
    /// It can be used.
    Active,
    /// Its owner asked to keep its nodes for a look; it gets no others.
    Held,
    /// Its nodes are being given back.
    Closing,
    /// It is over.
    Closed,
    /// It never came to be: there were no nodes for it.
    Refused,
}

impl NodeSessionState {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Opening,
        Self::Active,
        Self::Held,
        Self::Closing,
        Self::Closed,
        Self::Refused,
    ];

    /// Its name in tables and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Active => "active",
            Self::Held => "held",
            Self::Closing => "closing",
            Self::Closed => "closed",
            Self::Refused => "refused",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// Names a session.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionReference {
    /// By its id or, if no session has that id, by the alias of a live session of the caller's project (seed 3).
    Name(String),
    /// By its number (Duffy 3).
    Number(i64),
}

/// A job of the archive that a session is tied to: when it stops, the session closes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct JobReference {
    /// The cluster it runs on.
    pub cluster: String,
    /// Its number there.
    pub job_id: i64,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// Its owner, or an operator, closed it.
    Asked,
    /// Its time was over.
    Expired,
    /// The job it was tied to stopped.
    JobStopped,
}

/// A node session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeSession {
    /// Its id: a UUID.
    pub id: String,
    /// Its number, for clients that know sessions by number.
    pub number: i64,
    /// The project that it belongs to.
    pub tenant: String,
    /// The name its owner gave it.
    pub alias: Option<String>,
    /// Where in its life it is.
    pub state: NodeSessionState,
    /// The job it is tied to.
    pub job: Option<JobReference>,
    /// When it was opened: microseconds since 1970 UTC.
    pub created_at: i64,
    /// When it closes by itself: microseconds since 1970 UTC; `None` = never.
    pub expires_at: Option<i64>,
    /// When it ended: microseconds since 1970 UTC.
    pub ended_at: Option<i64>,
    /// Why it ended.
    pub end_reason: Option<EndReason>,
    /// The nodes it holds; of one that ended those that it held last.
    pub nodes: Vec<LeasedNode>,
    /// What was done to set it up; `None` = its project wanted nothing when it was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_up: Option<SessionHookStatus>,
    /// What is done to tear it down, which may go on after its end; `None` = its project wanted nothing when it was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tear_down: Option<SessionHookStatus>,
}

/// Why nothing is done to a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NodeSessionRefusal {
    /// There is none of that id, alias or number.
    Unknown,
    /// It belongs to another project.
    NotYours,
    /// In its state that cannot be done.
    WrongState {
        /// Its state.
        state: NodeSessionState,
    },
}
