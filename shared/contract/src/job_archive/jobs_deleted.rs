//! Event: jobs were deleted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::JobState;
use crate::{Event, Message, Service};

/// Jobs of one tenant were deleted from the archive's tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobsDeleted {
    /// The tenant that had reported them.
    pub tenant: String,
    /// They, at least one.
    pub jobs: Vec<JobGone>,
}

/// A job that was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobGone {
    /// Its number in the archive's table.
    pub id: i64,
    /// Its number on the cluster.
    pub job_id: i64,
    /// Cluster it ran on.
    pub cluster: String,
    /// When it started: seconds since 1970 UTC.
    pub start_time: i64,
    /// The state it was in.
    pub state: JobState,
}

impl Message for JobsDeleted {
    const SERVICE: Service = Service::JobArchive;
    const NAME: &'static str = "jobs.deleted";
}

impl Event for JobsDeleted {
    fn tenant(&self) -> &str {
        &self.tenant
    }
}
