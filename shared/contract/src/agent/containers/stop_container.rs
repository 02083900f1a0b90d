//! Order: end a container.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ContainerEnded;
use crate::{Message, Order, Service};

/// Has the agent end a container and clean up after it. Answered by [`ContainerEnded`], also if the container is not there, or not
/// any more. A start of the same container that comes later is reported as failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StopContainer {
    /// What the report refers to.
    pub order: Uuid,
    /// The container.
    pub container: Uuid,
    /// The session that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Uuid>,
    /// At once, without the time that processes have to end in order.
    pub forced: bool,
}

impl Message for StopContainer {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "stop-container";
}

impl Order for StopContainer {
    type Report = ContainerEnded;
}
