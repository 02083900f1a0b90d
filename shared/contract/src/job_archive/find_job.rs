//! One job.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Job;
use crate::{Message, Query, Service};

/// Finds a job, with its meta data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindJob {
    /// Its number in the archive's table.
    pub id: i64,
}

/// Why there is no job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindJobRefusal {
    /// There is none of that number, or none that the caller may see.
    NotFound,
}

impl Message for FindJob {
    const SERVICE: Service = Service::JobArchive;
    const NAME: &'static str = "find-job";
}

impl Query for FindJob {
    type Answer = Job;
    type Refusal = FindJobRefusal;
}
