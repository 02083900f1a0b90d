//! Tags are attached to a job.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Job, NewTag};
use crate::{Command, Message, Service};

/// Tags that one job may have. With more, a page of jobs would be mostly tags.
pub const MAX_TAGS_OF_JOB: usize = 1_000;

/// Attaches tags to a job: all of them or none. One that it has already stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TagJob {
    /// The job's number in the archive's table.
    pub job: i64,
    /// The tags.
    pub tags: Vec<NewTag>,
}

/// Why a job is not tagged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TagJobRefusal {
    /// There is no such job, or none that the caller may change.
    NotFound,
    /// It would have more tags than a job may have.
    TooMany {
        /// Tags that a job may have: [`MAX_TAGS_OF_JOB`].
        limit: u64,
    },
    /// A text holds U+0000, which not every database can store.
    NulCharacter,
}

impl Message for TagJob {
    const SERVICE: Service = Service::JobArchive;
    const NAME: &'static str = "tag-job";
}

impl Command for TagJob {
    /// The job as it is then, without its meta data.
    type Reply = Job;
    type Refusal = TagJobRefusal;
}
