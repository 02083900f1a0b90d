//! Tags are taken off every job.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::NewTag;
use crate::{Command, Message, Service, message::Never};

/// Takes tags off every job that the caller may change. A tag that no job has is passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemoveTags {
    /// The tags.
    pub tags: Vec<NewTag>,
}

/// The tags are off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemovedTags {
    /// How often one was taken off a job.
    pub removed: u64,
}

impl Message for RemoveTags {
    const SERVICE: Service = Service::JobArchive;
    const NAME: &'static str = "remove-tags";
}

impl Command for RemoveTags {
    type Reply = RemovedTags;
    type Refusal = Never;
}
