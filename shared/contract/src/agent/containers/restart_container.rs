//! Order: start a container anew.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ContainerStarted;
use crate::{Message, Order, Service};

/// Has the agent end the processes of a container and start them anew, with the same ports and files. Answered by
/// [`ContainerStarted`]; a container that is not there is reported as failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RestartContainer {
    /// What the report refers to.
    pub order: Uuid,
    /// The container.
    pub container: Uuid,
    /// When it has to have started: microseconds since 1970 UTC. An order that comes later is reported as failed.
    pub deadline: i64,
}

impl Message for RestartContainer {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "restart-container";
}

impl Order for RestartContainer {
    type Report = ContainerStarted;
}
