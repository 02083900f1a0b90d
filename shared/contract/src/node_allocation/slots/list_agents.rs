//! Query: the agents that run containers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Message, Query, ResourceSlots, Service, message::Never};

/// Asks for agents that run containers, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListAgents {
    /// Only those of this scaling group.
    pub scaling_group: Option<String>,
    /// Only those whose name comes after this.
    pub after: Option<String>,
    /// How many at most; never more than [`PAGE_LIMIT`](Self::PAGE_LIMIT).
    pub limit: u32,
}

impl ListAgents {
    /// Most agents of one page.
    pub const PAGE_LIMIT: u32 = 500;
}

/// An agent that runs containers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Agent {
    /// Its name.
    pub name: String,
    /// Its scaling group.
    pub scaling_group: String,
    /// Whether it is there.
    pub status: AgentStatus,
    /// When it was heard of last: microseconds since 1970 UTC.
    pub seen_at: i64,
    /// Version of Muster that it runs, or of whatever it is.
    pub version: String,
    /// Where its ports can be reached.
    pub address: String,
    /// What it has.
    pub available: ResourceSlots,
    /// What of it sessions have.
    pub occupied: ResourceSlots,
}

/// Whether an agent is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgentStatus {
    /// It shows again and again.
    Alive,
    /// It has not shown for too long.
    Lost,
}

impl AgentStatus {
    /// Every status.
    pub const ALL: [Self; 2] = [Self::Alive, Self::Lost];

    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Lost => "lost",
        }
    }

    /// The status of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// Agents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgentPage {
    /// The agents.
    pub agents: Vec<Agent>,
}

impl Message for ListAgents {
    const SERVICE: Service = Service::NodeAllocation;
    const NAME: &'static str = "list-agents";
}

impl Query for ListAgents {
    type Answer = AgentPage;
    type Refusal = Never;
}
