//! Event: a compute session is somewhere else in its life.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ComputeSession;
use crate::{Event, Message, Service};

/// A compute session has come to another status, which `session` says, or to another reason for it. The last one, when it is over,
/// is what the job archive keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComputeSessionChanged {
    /// The session as it is now.
    pub session: ComputeSession,
}

impl Message for ComputeSessionChanged {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "compute-session.changed";
}

impl Event for ComputeSessionChanged {
    fn tenant(&self) -> &str {
        &self.session.tenant
    }
}
