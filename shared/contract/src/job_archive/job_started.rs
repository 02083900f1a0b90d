//! Event: a job was recorded.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::JobState;
use crate::{Event, Message, Service};

/// A job was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobStarted {
    /// Its number in the archive's table.
    pub id: i64,
    /// The tenant that reported it.
    pub tenant: String,
    /// Its number on the cluster.
    pub job_id: i64,
    /// Cluster it runs on.
    pub cluster: String,
    /// Part of the cluster.
    pub sub_cluster: String,
    /// Who submitted it.
    pub user: String,
    /// The accounting project.
    pub project: String,
    /// When it started: seconds since 1970 UTC.
    pub start_time: i64,
    /// Nodes used.
    pub num_nodes: i32,
    /// Its state, `running` as a rule.
    pub state: JobState,
}

impl Message for JobStarted {
    const SERVICE: Service = Service::JobArchive;
    const NAME: &'static str = "job.started";
}

impl Event for JobStarted {
    fn tenant(&self) -> &str {
        &self.tenant
    }
}
