//! Command: a session gives its slots back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Command, Message, Service, message::Never};

/// Gives back all slots of a session, or takes back its wish for them; the session gets no others ever after (the fence of
/// design §2). Nothing answers: nobody has to wait for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReleaseSlots {
    /// The session.
    pub session: Uuid,
    /// The project that it belongs to.
    pub tenant: String,
}

impl Message for ReleaseSlots {
    const SERVICE: Service = Service::NodeAllocation;
    const NAME: &'static str = "release-slots";
}

impl Command for ReleaseSlots {
    type Reply = ();
    type Refusal = Never;
}
