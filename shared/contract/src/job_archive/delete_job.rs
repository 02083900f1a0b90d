//! A job is deleted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::StopTarget;
use crate::{Command, Message, Service};

/// Deletes a job from the tables; its archive files stay. One that runs can be deleted too, and whatever is tied to it
/// ends as if it had stopped, since nobody can stop it any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeleteJob {
    /// Which job. Unlike a stop, a start time that no job has finds none.
    pub target: StopTarget,
}

/// The job is not in the table, whether or not it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeletedJob {
    /// Its number in the archive's table; `None` = a job of the number that was told was not there.
    pub id: Option<i64>,
}

/// Why no job is deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeleteJobRefusal {
    /// No job fits, or none that the caller may change. (Of a number in the table that is no refusal.)
    NotFound,
}

impl Message for DeleteJob {
    const SERVICE: Service = Service::JobArchive;
    const NAME: &'static str = "delete-job";
}

impl Command for DeleteJob {
    type Reply = DeletedJob;
    type Refusal = DeleteJobRefusal;
}
