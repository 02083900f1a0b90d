//! Command: end a compute session.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ComputeSession, ComputeSessionReference, ComputeSessionRefusal};
use crate::{Command, Message, Service};

/// Ends a session, wherever in its life it is. Carried out when its containers are over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DestroyComputeSession {
    /// Which.
    pub session: ComputeSessionReference,
    /// Without the time that processes have to end in order, and without waiting for the agents: the session is over at once.
    pub forced: bool,
    /// The sessions that depend on it and are not over, too.
    pub recursive: bool,
}

/// A session that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DestroyedComputeSession {
    /// As it is now.
    pub session: ComputeSession,
}

impl Message for DestroyComputeSession {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "destroy-compute-session";
}

impl Command for DestroyComputeSession {
    type Reply = DestroyedComputeSession;
    type Refusal = ComputeSessionRefusal;
}
