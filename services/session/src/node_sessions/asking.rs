//! What is asked of node allocation, and kept until it is answered.

use muster_contract::node_allocation::{AllocateNodes, HoldNodes, NodeDemand, ReleaseNodes};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::node_sessions::domain::expiry::later;

/// After how many seconds an answer is missed. The broker and the outbox lose nothing; a command that was put aside as a
/// dead letter, or discarded there, would leave its session without an answer.
const ANSWER_DEADLINE: i64 = 60;

/// A question, with what has to be known when the answer comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ask {
    /// Nothing yet: the session is being set up. Its first nodes are asked for then, if it wants any.
    SetUp {
        /// Which nodes.
        demands: Vec<NodeDemand>,
        /// Until when to wait: microseconds since 1970 UTC; `None` = not at all.
        wait_until: Option<i64>,
    },
    /// First nodes.
    Open(AllocateNodes),
    /// More nodes.
    Grow(AllocateNodes),
    /// One node goes back.
    Shrink {
        /// Its short name.
        hostname: String,
        /// The lease.
        release: ReleaseNodes,
    },
    /// The nodes are kept for a look.
    Hold(HoldNodes),
    /// All nodes go back.
    Close(ReleaseNodes),
}

impl Ask {
    /// Until when whoever asks wants to wait for nodes: microseconds since 1970 UTC.
    pub(crate) fn wait_until(&self) -> Option<i64> {
        match self {
            Self::Open(allocate) | Self::Grow(allocate) => allocate.wait_until,
            Self::SetUp { wait_until, .. } => *wait_until,
            Self::Shrink { .. } | Self::Hold(_) | Self::Close(_) => None,
        }
    }
}

/// A question that is not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PendingRequest {
    /// What the answer refers to.
    pub(crate) request: Uuid,
    /// The session it is for.
    pub(crate) session: String,
    /// The command that waits for the answer.
    pub(crate) command: Option<Uuid>,
    /// What is asked.
    pub(crate) ask: Ask,
    /// From when the answer is missed: microseconds since 1970 UTC.
    pub(crate) due_at: i64,
}

impl PendingRequest {
    /// When the answer to what is asked at this time is missed.
    pub(crate) fn due_after(ask: &Ask, now: i64) -> i64 {
        if let Ask::SetUp { .. } = ask {
            // Node allocation is not asked: the attempts to set the session up have ends of their own.
            return i64::MAX;
        }
        later(ask.wait_until().unwrap_or(now).max(now), ANSWER_DEADLINE)
    }
}
