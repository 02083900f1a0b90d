//! Which jobs are there.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Job, JobState};
use crate::{Message, Query, Service};

/// Lists jobs, the latest start first, equal starts by falling number. What the caller may see is decided by its
/// owner from the principal in the header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListJobs {
    /// Only jobs in one of these states; empty = all.
    pub states: Vec<JobState>,
    /// Only jobs of this cluster.
    pub cluster: Option<String>,
    /// Only jobs of this accounting project.
    pub project: Option<String>,
    /// Only jobs that started then or later: seconds since 1970 UTC.
    pub start_from: Option<i64>,
    /// Only jobs that started then or earlier: seconds since 1970 UTC.
    pub start_to: Option<i64>,
    /// Jobs per page, at least 1; `None` = all on one page.
    pub page_size: Option<u64>,
    /// The page, counted from 1.
    pub page: u64,
    /// With `meta_data`.
    pub with_meta_data: bool,
}

/// One page of jobs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobPage {
    /// The jobs.
    pub jobs: Vec<Job>,
}

/// Why there is no list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ListJobsRefusal {
    /// More jobs fit on the page asked for than one answer may hold.
    TooMany {
        /// Jobs that one answer may hold.
        limit: u64,
    },
    /// The page lies deeper than pages may.
    TooDeep {
        /// Jobs that may be skipped.
        limit: u64,
    },
}

impl Message for ListJobs {
    const SERVICE: Service = Service::JobArchive;
    const NAME: &'static str = "list-jobs";
}

impl Query for ListJobs {
    type Answer = JobPage;
    type Refusal = ListJobsRefusal;
}
