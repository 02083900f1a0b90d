//! Command: the end of a session.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::JobSessionRefusal;
use crate::{Command, Message, Service};

/// Takes all jobs out of a session and deletes it. The history of its runs stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeleteJobSession {
    /// The project that it belongs to.
    pub tenant: String,
    /// The session.
    pub session_id: String,
}

impl Message for DeleteJobSession {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "delete-job-session";
}

impl Command for DeleteJobSession {
    type Reply = ();
    type Refusal = JobSessionRefusal;
}
