//! Command: keep the nodes of a session as they are, for a look.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Command, Message, Service, message::Never};

/// Sets the nodes of a session to held. Answered by [`NodesHeld`](super::NodesHeld). The session gets no others ever after, as
/// after [`ReleaseNodes`](super::ReleaseNodes).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HoldNodes {
    /// What the answer refers to.
    pub request: Uuid,
    /// The session.
    pub session: String,
    /// The project that it belongs to.
    pub tenant: String,
}

impl Message for HoldNodes {
    const SERVICE: Service = Service::NodeAllocation;
    const NAME: &'static str = "hold-nodes";
}

impl Command for HoldNodes {
    /// The answer is an event.
    type Reply = ();
    type Refusal = Never;
}
