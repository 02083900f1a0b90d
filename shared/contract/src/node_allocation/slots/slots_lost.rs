//! Event: an agent is gone, and what a session had there with it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Event, Message, Service};

/// The agent has not shown for too long: the containers that a session had there are lost, and their slots are free for others as
/// soon as it is back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SlotsLost {
    /// The session.
    pub session: Uuid,
    /// The project that it belongs to.
    pub tenant: String,
    /// The agent.
    pub agent: String,
}

impl Message for SlotsLost {
    const SERVICE: Service = Service::NodeAllocation;
    const NAME: &'static str = "slots.lost";
}

impl Event for SlotsLost {
    fn tenant(&self) -> &str {
        &self.tenant
    }
}
