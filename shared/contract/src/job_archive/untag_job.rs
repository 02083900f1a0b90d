//! Tags are taken off a job.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Job, NewTag};
use crate::{Command, Message, Service};

/// Takes tags off a job. One that it does not have is passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UntagJob {
    /// The job's number in the archive's table.
    pub job: i64,
    /// The tags.
    pub tags: Vec<NewTag>,
}

/// Why no tags are taken off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UntagJobRefusal {
    /// There is no such job, or none that the caller may change.
    NotFound,
}

impl Message for UntagJob {
    const SERVICE: Service = Service::JobArchive;
    const NAME: &'static str = "untag-job";
}

impl Command for UntagJob {
    /// The job as it is then, without its meta data.
    type Reply = Job;
    type Refusal = UntagJobRefusal;
}
