//! Question to an agent: what a container has written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{AgentQuestion, Message, Service};

/// Asks for the end of what the processes of a container wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReadContainerLogs {
    /// The container.
    pub container: Uuid,
}

/// What a container has written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerLogs {
    /// The end of it, at most [`LOG_LIMIT`] bytes.
    pub logs: String,
}

/// Bytes that are kept of what a container wrote.
pub const LOG_LIMIT: usize = 1024 * 1024;

/// The agent has no such container, or it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnknownContainer;

impl Message for ReadContainerLogs {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "read-container-logs";
}

impl AgentQuestion for ReadContainerLogs {
    type Answer = ContainerLogs;
    type Refusal = UnknownContainer;
}
