//! Report: a container has started, or not.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ServiceProtocol;
use crate::{Message, Report, Service};

/// What became of starting a container, or of starting it anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerStarted {
    /// The order.
    pub order: Uuid,
    /// The container.
    pub container: Uuid,
    /// How it came out.
    pub result: ContainerStart,
}

/// How starting a container came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContainerStart {
    /// It runs.
    Running {
        /// Where its ports can be reached: a name or an address.
        host: String,
        /// What can be reached.
        service_ports: Vec<ServicePort>,
    },
    /// It does not, and nothing of it is left.
    Failed {
        /// Why, for people; at most 4 KiB of it are kept.
        reason: String,
    },
}

/// Something in a container that can be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServicePort {
    /// Its name.
    pub name: String,
    /// What is spoken there.
    pub protocol: ServiceProtocol,
    /// Its port in the container.
    pub container_port: u16,
    /// The port on the agent's host that leads there.
    pub host_port: u16,
}

impl Message for ContainerStarted {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "container-started";
}

impl Report for ContainerStarted {}
