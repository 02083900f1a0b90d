//! What an agent says of itself, again and again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Message, ResourceSlots, Service, Signal};

/// The agent is alive.
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
    /// What it has for containers; `None` = it runs none.
    #[serde(default)]
    pub containers: Option<ContainerHost>,
}

/// What an agent has for containers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerHost {
    /// The group of agents that it belongs to.
    pub scaling_group: String,
    /// What all its containers together may use.
    pub slots: ResourceSlots,
    /// Where its ports can be reached: a name or an address.
    pub address: String,
}

impl Message for AgentBeat {
    const SERVICE: Service = Service::NodeAllocation;
    const NAME: &'static str = "beat";
}

impl Signal for AgentBeat {}
