//! Command: somebody looks at a compute session or uses it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ComputeSession, ComputeSessionReference, ComputeSessionRefusal};
use crate::{Command, Message, Service};

/// Counts that somebody looks at a session or uses it, and says what it is (`numQueriesExecuted` of seed 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UseComputeSession {
    /// Which.
    pub session: ComputeSessionReference,
    /// Whether something is done in it: it has to run for that, and its time without use begins anew.
    pub is_activity: bool,
}

impl Message for UseComputeSession {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "use-compute-session";
}

impl Command for UseComputeSession {
    type Reply = ComputeSession;
    type Refusal = ComputeSessionRefusal;
}
