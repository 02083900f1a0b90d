//! Order: do something to a node.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{NodeHook, NodeHookFinished};
use crate::{Message, Order, Service};

/// Has the agent run a hook of a node. Answered by [`NodeHookFinished`](super::NodeHookFinished).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunNodeHook {
    /// What the report refers to; each attempt is an order of its own.
    pub order: Uuid,
    /// What to do.
    pub hook: NodeHook,
    /// Which attempt this is, counted from 1.
    pub attempt: u32,
    /// When it has to be over: microseconds since 1970 UTC. An order that comes later is not carried out.
    pub deadline: i64,
    /// The node.
    pub node: HookedNode,
    /// The session that it is prepared for, or that gave it back.
    pub session: Option<String>,
    /// The project of that session.
    pub tenant: Option<String>,
}

/// The node of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HookedNode {
    /// Short name.
    pub hostname: String,
    /// Its address.
    pub ip_address: String,
    /// Its pool.
    pub pool: String,
    /// Release of the operating system.
    pub version: String,
    /// Processor architecture.
    pub architecture: String,
    /// Size of a virtual machine.
    pub flavor: Option<String>,
    /// Generation of its latest lease.
    pub generation: i64,
}

impl Message for RunNodeHook {
    const SERVICE: Service = Service::NodeAllocation;
    const NAME: &'static str = "run-node-hook";
}

impl Order for RunNodeHook {
    type Report = NodeHookFinished;
}
