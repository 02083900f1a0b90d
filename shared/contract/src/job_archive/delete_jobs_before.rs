//! Old jobs are deleted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Command, Message, Service, message::Never};

/// Deletes the jobs that started before a time, those that run too, from the tables; their archive files stay. Only jobs
/// that the caller may change. Carried out in portions; the outcome comes when the last is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeleteJobsBefore {
    /// Jobs that started then or later stay: seconds since 1970 UTC.
    pub start_time: i64,
    /// Which jobs stay because of their tags.
    pub omit: OmitTagged,
}

/// Which jobs are spared because of their tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OmitTagged {
    /// None.
    #[default]
    None,
    /// Those with any tag.
    All,
    /// Those with a tag that a user gave: any but the types that ClusterCockpit's own taggers give, [`AUTOMATIC_TAG_TYPES`].
    User,
}

/// Types of the tags that ClusterCockpit's taggers give by themselves (`api/clustercockpit.md` §3).
pub const AUTOMATIC_TAG_TYPES: [&str; 2] = ["app", "jobClass"];

/// The jobs are deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeletedJobs {
    /// How many there were.
    pub deleted: u64,
}

impl Message for DeleteJobsBefore {
    const SERVICE: Service = Service::JobArchive;
    const NAME: &'static str = "delete-jobs-before";
}

impl Command for DeleteJobsBefore {
    type Reply = DeletedJobs;
    type Refusal = Never;
}
