//! Command: a session gives nodes back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Command, Message, Service, message::Never};

/// Gives nodes back. Answered by [`NodesReleased`](super::NodesReleased), also if there was nothing to give back. They are out of
/// the session at once; being wiped takes its time afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReleaseNodes {
    /// What the answer refers to.
    pub request: Uuid,
    /// The session.
    pub session: String,
    /// The project that it belongs to.
    pub tenant: String,
    /// Which nodes, by number and generation of the lease; `None` = all, and the session gets no others ever after: what it
    /// waits for is refused, and so is a request that comes late (the fence of design §2).
    pub leases: Option<Vec<(i64, i64)>>,
}

impl Message for ReleaseNodes {
    const SERVICE: Service = Service::NodeAllocation;
    const NAME: &'static str = "release-nodes";
}

impl Command for ReleaseNodes {
    /// The answer is an event.
    type Reply = ();
    type Refusal = Never;
}
