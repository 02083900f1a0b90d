//! What was measured of a job.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{JobData, MetricScope};
use crate::{Message, Query, Service};

/// What was measured of a job: of one that runs, until now; of one that has stopped, what the archive has. Whether the
/// caller may see the job is decided by its owner from the principal in the header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobMetrics {
    /// Its number in the archive's table.
    pub id: i64,
    /// Only these metrics; empty = all. One that was not measured is left out of the answer.
    pub metrics: Vec<String>,
    /// Only these scopes; empty = all.
    pub scopes: Vec<MetricScope>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobMetricsRefusal {
    /// There is no such job, or none that the caller may see.
    NotFound,
    /// It has stopped, and there is no file of it: it is not yet archived, was not to be, or could not be.
    NotArchived,
    /// Its file or the metric store cannot be read.
    Unreadable {
        /// Why.
        reason: String,
    },
}

impl Message for JobMetrics {
    const SERVICE: Service = Service::JobArchive;
    const NAME: &'static str = "job-metrics";
}

impl Query for JobMetrics {
    type Answer = JobData;
    type Refusal = JobMetricsRefusal;
}
