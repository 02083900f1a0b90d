//! Events: what became of a run of a job session. Times are microseconds since 1970 UTC.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::RunResult;
use crate::{Event, Message, Service};

macro_rules! event {
    ($event:ident, $name:literal) => {
        impl Message for $event {
            const SERVICE: Service = Service::Session;
            const NAME: &'static str = $name;
        }

        impl Event for $event {
            fn tenant(&self) -> &str {
                &self.tenant
            }
        }
    };
}

/// A run has begun. A run before it that had not ended will not: its jobs have been ended on their behalf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionRunStarted {
    /// The project that the session belongs to.
    pub tenant: String,
    /// The session.
    pub session_id: String,
    /// Number of the run in the session.
    pub tag: i64,
    /// When it began.
    pub started_at: i64,
    /// The job that began it.
    pub job_id: String,
    /// How many jobs the run has.
    pub jobs: u32,
}

event!(SessionRunStarted, "run.started");

/// A job of a run has ended, or was ended on its behalf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionJobEnded {
    /// Number of this run of the job, among those of all sessions.
    pub number: i64,
    /// The project that the session belongs to.
    pub tenant: String,
    /// The session.
    pub session_id: String,
    /// Number of the run in the session.
    pub tag: i64,
    /// The job.
    pub job_id: String,
    /// Where it ran.
    pub client_id: String,
    /// Name of the machine, if that client has registered.
    pub hostname: Option<String>,
    /// Who made the job; of one that is gone, who made the session.
    pub user: String,
    /// When it started; `None` = it ended without, as far as is known.
    pub started_at: Option<i64>,
    /// When it ended.
    pub ended_at: i64,
    /// How it ended.
    pub result: RunResult,
    /// Whether it was ended on its behalf: nothing was heard of it, or it was taken out of the run.
    pub on_behalf: bool,
    /// Why it was.
    pub reason: Option<String>,
}

event!(SessionJobEnded, "job.ended");

/// All jobs of a run have ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionRunCompleted {
    /// The project that the session belongs to.
    pub tenant: String,
    /// The session.
    pub session_id: String,
    /// Number of the run in the session.
    pub tag: i64,
    /// When it began.
    pub started_at: i64,
    /// When it ended.
    pub ended_at: i64,
    /// `Success` if that is the result of all its jobs, else `Fail`.
    pub result: RunResult,
}

event!(SessionRunCompleted, "run.completed");
