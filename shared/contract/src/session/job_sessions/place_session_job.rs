//! Commands: a job comes into a session, or leaves it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::JobSessionRefusal;
use crate::{Command, Message, Service};

/// Adds a job to a session, whose times it takes instead of its own. It leaves the session that it was in. One that is in the
/// session already stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddSessionJob {
    /// The project that both belong to.
    pub tenant: String,
    /// The session.
    pub session_id: String,
    /// The job.
    pub job_id: String,
}

/// Takes a job out of a session; it has its own times again. In a run of the session it is ended on its behalf. One that is
/// not in the session stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemoveSessionJob {
    /// The project that both belong to.
    pub tenant: String,
    /// The session.
    pub session_id: String,
    /// The job.
    pub job_id: String,
}

impl Message for AddSessionJob {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "add-session-job";
}

impl Command for AddSessionJob {
    type Reply = ();
    type Refusal = JobSessionRefusal;
}

impl Message for RemoveSessionJob {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "remove-session-job";
}

impl Command for RemoveSessionJob {
    type Reply = ();
    type Refusal = JobSessionRefusal;
}
