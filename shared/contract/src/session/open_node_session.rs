//! Command: a new node session.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{JobReference, NodeSession};
use crate::{
    Command, Message, Service,
    node_allocation::{AllocationRefusal, NodeDemand},
};

/// Opens a session of the caller's project. Carried out when it has its nodes: without demands at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OpenNodeSession {
    /// A name to refer to it; unique among the project's live sessions, and no UUID.
    pub alias: Option<String>,
    /// Its first nodes; empty = none.
    pub demands: Vec<NodeDemand>,
    /// Until when to wait for nodes: microseconds since 1970 UTC; `None` = not at all.
    pub wait_until: Option<i64>,
    /// The job it is tied to. Such a session does not expire.
    pub job: Option<JobReference>,
    /// How often sessions may be opened; `None` = without limit.
    pub rate: Option<OpeningRate>,
}

/// How often a project may open sessions with nodes: those still live count (`api/duffy.md` §1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OpeningRate {
    /// Live sessions opened in that time; with more there is no other.
    pub sessions: u32,
    /// The time, in seconds.
    pub seconds: u32,
}

/// Why there is no new session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OpenNodeSessionRefusal {
    /// Another live session of the project has that alias.
    AliasInUse {
        /// The session's id.
        session: String,
    },
    /// An alias that looks like an id, or is empty or longer than 255 bytes, or has control characters.
    InvalidAlias,
    /// The project has opened that many live sessions lately.
    TooManySessions {
        /// As many.
        sessions: u32,
        /// In so many seconds.
        seconds: u32,
    },
    /// No nodes.
    Allocation(AllocationRefusal),
    /// What the site does before a session of the project gets its nodes has failed.
    SetUpFailed {
        /// Why, as the hook said; for operators, not for owners.
        reason: String,
    },
    /// It was closed before it had its nodes.
    Closed,
}

impl Message for OpenNodeSession {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "open-node-session";
}

impl Command for OpenNodeSession {
    type Reply = NodeSession;
    type Refusal = OpenNodeSessionRefusal;
}
