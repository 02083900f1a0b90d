//! Event: a job has stopped.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::JobState;
use crate::{Event, Message, Service};

/// A job has stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobStopped {
    /// Its number in the archive's table.
    pub id: i64,
    /// The tenant that reported it.
    pub tenant: String,
    /// Its number on the cluster.
    pub job_id: i64,
    /// Cluster it ran on.
    pub cluster: String,
    /// When it started: seconds since 1970 UTC.
    pub start_time: i64,
    /// When it stopped: seconds since 1970 UTC.
    pub stop_time: i64,
    /// Seconds from start to stop.
    pub duration: i64,
    /// Its final state.
    pub state: JobState,
}

impl Message for JobStopped {
    const SERVICE: Service = Service::JobArchive;
    const NAME: &'static str = "job.stopped";
}

impl Event for JobStopped {
    fn tenant(&self) -> &str {
        &self.tenant
    }
}
