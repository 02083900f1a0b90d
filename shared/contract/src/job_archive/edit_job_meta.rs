//! What is told of a job besides is changed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Job, StopTarget};
use crate::{Command, Message, Service};

/// Puts one entry into the meta data of a job, in place of the one with its key if there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EditJobMeta {
    /// Which job. Unlike a stop, a start time that no job has finds none.
    pub target: StopTarget,
    /// Key of the entry, for example `jobScript`.
    pub key: String,
    /// What it is to say.
    pub value: String,
}

/// Why the meta data is not changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EditJobMetaRefusal {
    /// There is no such job, or none that the caller may change.
    NotFound,
    /// The job would become longer than one message.
    TooLarge {
        /// Bytes that its documents may have.
        limit: u64,
    },
}

impl Message for EditJobMeta {
    const SERVICE: Service = Service::JobArchive;
    const NAME: &'static str = "edit-job-meta";
}

impl Command for EditJobMeta {
    /// The job as it is then, with its meta data.
    type Reply = Job;
    type Refusal = EditJobMetaRefusal;
}
