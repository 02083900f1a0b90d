//! Event: no nodes for a session.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::NodeSelector;
use crate::{Event, Message, Service};

/// A session did not get the nodes it asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AllocationRefused {
    /// The request that is answered.
    pub request: Uuid,
    /// The session.
    pub session: String,
    /// The project that it belongs to.
    pub tenant: String,
    /// Why not.
    pub reason: AllocationRefusal,
}

/// Why there are no nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AllocationRefusal {
    /// Fewer are ready than were asked for.
    InsufficientNodes {
        /// Of which kind.
        selector: NodeSelector,
        /// Asked for.
        wanted: u32,
        /// Ready and free for this request.
        ready: u32,
        /// As many as that will never be there: the pools are smaller.
        never: bool,
    },
    /// No pool is like that.
    UnknownPool {
        /// What was asked for.
        selector: NodeSelector,
    },
    /// The project would hold more nodes than it may.
    QuotaExceeded {
        /// Nodes that it may hold.
        quota: u32,
        /// Nodes that it holds.
        held: u32,
        /// Nodes asked for.
        wanted: u32,
    },
    /// As many requests wait as may.
    QueueFull {
        /// How many may.
        limit: u32,
    },
    /// It waited as long as it wanted to.
    WaitedInVain,
    /// Whoever asked has gone away, or the session has ended.
    Cancelled,
    /// A node could not be prepared for the session, and there was no other in its place. Trying again may help: the node is
    /// set aside.
    ContextualizationFailed {
        /// The node.
        hostname: String,
        /// What its hook said.
        reason: String,
    },
    /// The agent that prepares nodes for sessions did not answer in time.
    AgentSilent {
        /// The agent.
        agent: String,
    },
}

impl Message for AllocationRefused {
    const SERVICE: Service = Service::NodeAllocation;
    const NAME: &'static str = "allocation.refused";
}

impl Event for AllocationRefused {
    fn tenant(&self) -> &str {
        &self.tenant
    }
}
