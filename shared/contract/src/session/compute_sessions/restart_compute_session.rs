//! Command: start the containers of a compute session anew.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ComputeSession, ComputeSessionReference, ComputeSessionRefusal};
use crate::{Command, Message, Service};

/// Starts the containers of a running session anew: it keeps its id, age and ports, and loses the state of its processes (seed 2).
/// Carried out when all of them run again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RestartComputeSession {
    /// Which.
    pub session: ComputeSessionReference,
}

impl Message for RestartComputeSession {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "restart-compute-session";
}

impl Command for RestartComputeSession {
    type Reply = ComputeSession;
    type Refusal = ComputeSessionRefusal;
}
