//! Query: job sessions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{JobSession, ListFilter};
use crate::{Message, Query, Service, message::Never};

/// Asks for sessions, in the order in which they were made. Nobody is asked for: who may see what is for the caller of this to
/// say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListJobSessions {
    /// Only those of this project.
    pub tenant: Option<String>,
    /// Only the one of this id.
    pub session_id: Option<String>,
    /// Only those that are meant.
    #[serde(default)]
    pub filter: ListFilter,
    /// How many of them are passed over.
    pub offset: u64,
    /// How many at most; the owner gives [`PAGE_LIMIT`](super::limits::PAGE_LIMIT) at most.
    pub limit: u32,
}

/// Sessions, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobSessionPage {
    /// The sessions.
    pub sessions: Vec<JobSession>,
}

impl Message for ListJobSessions {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "list-job-sessions";
}

impl Query for ListJobSessions {
    type Answer = JobSessionPage;
    type Refusal = Never;
}
