//! Command: slots for the containers of a session.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Command, Message, ResourceSlots, Service, message::Never};

/// Asks for slots for all containers of a session. Answered at once by [`SlotsRefused`](super::SlotsRefused),
/// [`SlotsQueued`](super::SlotsQueued) or [`SlotsGranted`](super::SlotsGranted); what was queued is granted later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AllocateSlots {
    /// What the answers refer to.
    pub request: Uuid,
    /// The session they are for.
    pub session: Uuid,
    /// The project that it belongs to; its quota counts.
    pub tenant: String,
    /// The domain of the project; its quota counts.
    pub domain: String,
    /// Whose session it is: an access key, whose quota counts.
    pub owner: String,
    /// Where to look for agents; `None` = the first group that the project may use.
    pub scaling_group: Option<String>,
    /// What each container needs.
    pub slots: ResourceSlots,
    /// How many containers. Never 0.
    pub containers: u32,
    /// All on one agent.
    pub on_one_agent: bool,
    /// Not before this moment: microseconds since 1970 UTC.
    pub not_before: Option<i64>,
}

impl Message for AllocateSlots {
    const SERVICE: Service = Service::NodeAllocation;
    const NAME: &'static str = "allocate-slots";
}

impl Command for AllocateSlots {
    /// The answer is an event.
    type Reply = ();
    type Refusal = Never;
}
