//! Command: more nodes for a session.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NodeSession, NodeSessionRefusal, SessionReference};
use crate::{
    Command, Message, Service,
    node_allocation::{AllocationRefusal, LeasedNode, NodeDemand},
};

/// Adds nodes to an active session of the caller's project (seed 3: `/Node/get` with `ssid`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GrowNodeSession {
    /// The session.
    pub session: SessionReference,
    /// Which nodes. Never empty.
    pub demands: Vec<NodeDemand>,
    /// Until when to wait for nodes: microseconds since 1970 UTC; `None` = not at all.
    pub wait_until: Option<i64>,
}

/// The session, and what is new in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GrownNodeSession {
    /// The session with all its nodes.
    pub session: NodeSession,
    /// Those that it did not have before.
    pub added: Vec<LeasedNode>,
}

/// Why there are no more nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GrowNodeSessionRefusal {
    /// The session.
    Session(NodeSessionRefusal),
    /// No nodes.
    Allocation(AllocationRefusal),
}

impl Message for GrowNodeSession {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "grow-node-session";
}

impl Command for GrowNodeSession {
    type Reply = GrownNodeSession;
    type Refusal = GrowNodeSessionRefusal;
}
