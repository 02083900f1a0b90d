//! Query: one compute session.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ComputeSession, ComputeSessionReference, ComputeSessionRefusal};
use crate::{Message, Query, Service};

/// Asks for a session, and what its main container wrote if it is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindComputeSession {
    /// Which.
    pub session: ComputeSessionReference,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FoundComputeSession {
    /// The session.
    pub session: ComputeSession,
    /// What its main container wrote, if it is over.
    pub logs: Option<String>,
}

impl Message for FindComputeSession {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "find-compute-session";
}

impl Query for FindComputeSession {
    type Answer = FoundComputeSession;
    type Refusal = ComputeSessionRefusal;
}
