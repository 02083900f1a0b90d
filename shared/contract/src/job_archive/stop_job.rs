//! A job has stopped.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Job, JobState};
use crate::{Command, Message, Service};

/// Records that a job has stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StopJob {
    /// Which job.
    pub target: StopTarget,
    /// When it stopped: seconds since 1970 UTC.
    pub stop_time: i64,
    /// Its final state.
    pub state: JobState,
}

/// Which job has stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StopTarget {
    /// By its number in the archive's table.
    Id(i64),
    /// The newest of those that fit.
    Newest {
        /// Its number on the cluster.
        job_id: i64,
        /// Only on this cluster.
        cluster: Option<String>,
        /// Only if it started then: seconds since 1970 UTC.
        start_time: Option<i64>,
    },
}

/// Why a job is not stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StopJobRefusal {
    /// There is no such job, or none that the caller may see.
    NotFound,
    /// It has stopped already.
    NotRunning {
        /// Its number in the archive's table.
        id: i64,
        /// Its number on the cluster.
        job_id: i64,
        /// The state it is in.
        state: JobState,
    },
    /// It would have stopped before it started.
    StopsBeforeStart {
        /// When it started: seconds since 1970 UTC.
        start_time: i64,
        /// When it is said to have stopped: seconds since 1970 UTC.
        stop_time: i64,
    },
}

impl Message for StopJob {
    const SERVICE: Service = Service::JobArchive;
    const NAME: &'static str = "stop-job";
}

impl Command for StopJob {
    type Reply = Job;
    type Refusal = StopJobRefusal;
}
