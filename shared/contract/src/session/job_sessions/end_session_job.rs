//! Command: a job of a session has ended.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{JobSessionRefusal, RunResult};
use crate::{Command, Message, Service};

/// Says how a job of a run ended. When all have ended, the run is completed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndSessionJob {
    /// The project that both belong to.
    pub tenant: String,
    /// The session.
    pub session_id: String,
    /// The job.
    pub job_id: String,
    /// Tag of the run.
    pub current_tag: i64,
    /// How it ended.
    pub result: RunResult,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionJobEnd {
    /// Whether it counts.
    pub decision: EndDecision,
    /// Tag of the session's last run.
    pub tag: i64,
}

/// Whether an end counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndDecision {
    /// The job has ended in that run; also if it had before, then with the result that it had.
    Success,
    /// That is not the session's last run, or the job is not in it: nothing has changed.
    OutOfSync,
}

impl Message for EndSessionJob {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "end-session-job";
}

impl Command for EndSessionJob {
    type Reply = SessionJobEnd;
    type Refusal = JobSessionRefusal;
}
