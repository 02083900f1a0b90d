//! Command: a job of a session wants to start.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::JobSessionRefusal;
use crate::{Command, Message, Service};

/// Asks whether a job of a session may start: it begins a run, joins one, or does not (`api/freezer.md` §1.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StartSessionJob {
    /// The project that both belong to.
    pub tenant: String,
    /// The session.
    pub session_id: String,
    /// The job.
    pub job_id: String,
    /// Tag of the last run that the caller knows of.
    pub current_tag: i64,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionJobStart {
    /// Whether it may.
    pub decision: StartDecision,
    /// Tag of the session's last run.
    pub tag: i64,
}

/// Whether a job may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StartDecision {
    /// It belongs to the run of that tag.
    Success,
    /// Not yet: the run that the caller knows of is too young for another one.
    HoldOff {
        /// Seconds until another one may begin.
        remaining: i64,
    },
    /// No: a run began without it, too long ago to join it.
    OutOfSync,
}

impl Message for StartSessionJob {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "start-session-job";
}

impl Command for StartSessionJob {
    type Reply = SessionJobStart;
    type Refusal = JobSessionRefusal;
}
