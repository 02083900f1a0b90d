//! A job session as its owner sees it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Where a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobSessionStatus {
    /// It has not had a run.
    Active,
    /// Its last run has not ended.
    Running,
    /// Its last run has ended.
    Completed,
}

impl JobSessionStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Active, Self::Running, Self::Completed];

    /// Its name, as Freezer has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Running => "running",
            Self::Completed => "completed",
        }
    }

    /// The status of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// How far a job is in the session's last run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunJobStatus {
    /// It has not started.
    Scheduled,
    /// It has started and not ended.
    Running,
    /// It has ended.
    Completed,
}

impl RunJobStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Scheduled, Self::Running, Self::Completed];

    /// Its name, as Freezer has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Running => "running",
            Self::Completed => "completed",
        }
    }

    /// The status of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// How a job of a run ended, or the run: of a run never `Aborted`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunResult {
    /// As it should.
    Success,
    /// Not as it should.
    Fail,
    /// It was ended before its time.
    Aborted,
}

impl RunResult {
    /// Every result.
    pub const ALL: [Self; 3] = [Self::Success, Self::Fail, Self::Aborted];

    /// Its name, as Freezer has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Fail => "fail",
            Self::Aborted => "aborted",
        }
    }

    /// The result of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|result| result.name() == name)
    }
}

/// A session. Times are microseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobSession {
    /// Its id, unique in its project.
    pub session_id: String,
    /// The project that it belongs to.
    pub tenant: String,
    /// Who made it.
    pub user: String,
    /// Rises with each change that a client asks for, runs and their jobs aside.
    pub version: i64,
    /// What its owner says of it.
    pub description: Option<String>,
    /// When its jobs start, as Freezer has it.
    pub schedule: Map<String, Value>,
    /// Seconds from the start of a run in which others may join it.
    pub hold_off: i64,
    /// Number of the last run; 0 = there was none.
    pub tag: i64,
    /// Where it is.
    pub status: JobSessionStatus,
    /// How the last run ended; `None` = there was none, or it has not ended.
    pub result: Option<RunResult>,
    /// When the last run began.
    pub started_at: Option<i64>,
    /// When the last run ended.
    pub ended_at: Option<i64>,
    /// Its jobs, in the order in which they were added.
    pub jobs: Vec<SessionJob>,
}

/// A job in a session, and what became of it in the session's last run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionJob {
    /// The job.
    pub job_id: String,
    /// Where it runs.
    pub client_id: String,
    /// How far it is; one that is in no run yet is `Scheduled`.
    pub status: RunJobStatus,
    /// How it ended.
    pub result: Option<RunResult>,
    /// When it started; `None` also for one that ended without.
    pub started_at: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
}

/// Why nothing is done to a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobSessionRefusal {
    /// The project has none of that id.
    UnknownSession,
    /// The project has no such job or, where one of the session's is meant, the session has none.
    UnknownJob,
    /// The caller may not act for the project.
    NotYours,
    /// The session is of another version than the caller has seen.
    VersionConflict {
        /// Its version.
        version: i64,
    },
    /// A run of that tag there has not been.
    TagTooHigh {
        /// Tag of the last run.
        tag: i64,
    },
    /// It has as many jobs as it may have.
    TooManyJobs {
        /// As many.
        limit: u32,
    },
    /// Something that is asked for cannot be, for example a document that is too long.
    Invalid {
        /// What, and why.
        reason: String,
    },
}
