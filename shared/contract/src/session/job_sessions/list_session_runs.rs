//! Query: the runs of a job session.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{JobSessionRefusal, RunJobStatus, RunResult};
use crate::{Message, Query, Service};

/// Asks for the runs of a session, the last one first: also of a session that was deleted. Nobody is asked for: who may see
/// what is for the caller of this to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListSessionRuns {
    /// The project that it belongs, or belonged, to.
    pub tenant: String,
    /// The session.
    pub session_id: String,
    /// Only the run of this tag.
    pub tag: Option<i64>,
    /// How many are passed over.
    pub offset: u64,
    /// How many at most; the owner gives [`PAGE_LIMIT`](super::limits::PAGE_LIMIT) at most, and fewer where the runs have
    /// many jobs, but one at least.
    pub limit: u32,
}

/// Runs, the last one first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionRunPage {
    /// The runs.
    pub runs: Vec<SessionRun>,
}

/// A run. Times are microseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionRun {
    /// Its number in the session.
    pub tag: i64,
    /// Where it is.
    pub status: SessionRunStatus,
    /// How it ended; `None` = it has not, or was superseded.
    pub result: Option<RunResult>,
    /// When it began.
    pub started_at: i64,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// The jobs that were in the session when it began, in the order of their ids.
    pub jobs: Vec<SessionRunJob>,
}

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionRunStatus {
    /// It has not ended.
    Running,
    /// All its jobs have ended.
    Completed,
    /// The next one began before it had ended.
    Superseded,
}

impl SessionRunStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Running, Self::Completed, Self::Superseded];

    /// Its name in tables and in answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Superseded => "superseded",
        }
    }

    /// The status of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// What became of a job in a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionRunJob {
    /// Its number in the job archive, on the cluster `freezer`.
    pub number: i64,
    /// The job.
    pub job_id: String,
    /// Where it ran.
    pub client_id: String,
    /// How far it is.
    pub status: RunJobStatus,
    /// How it ended.
    pub result: Option<RunResult>,
    /// When it started; `None` also for one that ended without.
    pub started_at: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// Why it was ended on its behalf, if it was.
    pub reason: Option<String>,
}

impl Message for ListSessionRuns {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "list-session-runs";
}

impl Query for ListSessionRuns {
    type Answer = SessionRunPage;
    /// Only `UnknownSession`: there is none of that id, and never was one that had a run.
    type Refusal = JobSessionRefusal;
}
