//! Command: nodes for a session.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::NodeDemand;
use crate::{Command, Message, Service, message::Never};

/// Asks for nodes: all of the demands or nothing. Answered by [`NodesGranted`](super::NodesGranted) or
/// [`AllocationRefused`](super::AllocationRefused), at once or, with `wait_until`, when there are nodes or the time is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AllocateNodes {
    /// What the answer refers to.
    pub request: Uuid,
    /// The session they are for.
    pub session: String,
    /// The project that it belongs to; its quota counts.
    pub tenant: String,
    /// Which nodes. Never empty.
    pub demands: Vec<NodeDemand>,
    /// Until when to wait for nodes: microseconds since 1970 UTC; `None` = not at all.
    pub wait_until: Option<i64>,
}

impl Message for AllocateNodes {
    const SERVICE: Service = Service::NodeAllocation;
    const NAME: &'static str = "allocate-nodes";
}

impl Command for AllocateNodes {
    /// The answer is an event.
    type Reply = ();
    type Refusal = Never;
}
