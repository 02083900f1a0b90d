//! Command: whoever waited for nodes has gone away.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Command, Message, Service, message::Never};

/// Takes a request out of the queue. Answered by [`AllocationRefused`](super::AllocationRefused) if it still waited; if it was
/// granted or refused before, nothing happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CancelAllocation {
    /// The request.
    pub request: Uuid,
}

impl Message for CancelAllocation {
    const SERVICE: Service = Service::NodeAllocation;
    const NAME: &'static str = "cancel-allocation";
}

impl Command for CancelAllocation {
    type Reply = ();
    type Refusal = Never;
}
