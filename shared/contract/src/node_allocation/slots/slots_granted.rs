//! Event: slots for a session.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Event, Message, Service};

/// A session got slots for all its containers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SlotsGranted {
    /// The request that is answered.
    pub request: Uuid,
    /// The session.
    pub session: Uuid,
    /// The project that it belongs to.
    pub tenant: String,
    /// Where its agents are.
    pub scaling_group: String,
    /// One for each container, in the order of the containers.
    pub leases: Vec<SlotLease>,
}

/// The slots of one container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SlotLease {
    /// Whose slots.
    pub agent: String,
    /// Where that agent can be reached, if that is known: a name or an address.
    #[serde(default)]
    pub address: Option<String>,
}

impl Message for SlotsGranted {
    const SERVICE: Service = Service::NodeAllocation;
    const NAME: &'static str = "slots.granted";
}

impl Event for SlotsGranted {
    fn tenant(&self) -> &str {
        &self.tenant
    }
}
