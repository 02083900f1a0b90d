//! What an agent says of itself, again and again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The agent is alive. Core NATS, on [`subject::beat`](crate::subject::beat): what is missed is missed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgentBeat {
    /// Tells this process from others that sign in as the same agent, and from itself before a restart.
    pub instance: String,
    /// Version of Muster that it runs.
    pub version: String,
    /// How many orders it carries out at this moment.
    pub running: usize,
    /// How many it carries out at once at most.
    pub concurrency: usize,
}
