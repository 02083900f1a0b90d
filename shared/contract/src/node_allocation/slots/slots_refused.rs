//! Event: a session will never get the slots it asked for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Event, Message, ResourceSlots, Service};

/// A session does not get the slots it asked for, and waiting would not help.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SlotsRefused {
    /// The request that is answered.
    pub request: Uuid,
    /// The session.
    pub session: Uuid,
    /// The project that it belongs to.
    pub tenant: String,
    /// Why not.
    pub reason: SlotsRefusal,
}

/// Why there will be no slots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SlotsRefusal {
    /// There is no such scaling group, or the project may not use it.
    UnknownScalingGroup {
        /// Its name; `None` = the project may use none.
        name: Option<String>,
    },
    /// No agent has such a slot.
    UnknownSlot {
        /// Its name.
        name: String,
    },
    /// Even with every agent empty there would not be room for it.
    TooLarge {
        /// What the agents of the scaling group have together, or the largest of them if it has to be on one.
        available: ResourceSlots,
    },
    /// It needs more than its owner, project or domain may ever have.
    OverQuota {
        /// Whose quota: `keypair`, `group` or `domain`.
        scope: String,
        /// What it may have.
        quota: ResourceSlots,
    },
    /// As many sessions wait as may.
    QueueFull {
        /// How many may.
        limit: u32,
    },
    /// The session has ended.
    Cancelled,
}

impl Message for SlotsRefused {
    const SERVICE: Service = Service::NodeAllocation;
    const NAME: &'static str = "slots.refused";
}

impl Event for SlotsRefused {
    fn tenant(&self) -> &str {
        &self.tenant
    }
}
