//! A run of a session in answers. Freezer has none: it knows the last one alone.

use std::collections::BTreeMap;

use muster_contract::session::{SessionRun, SessionRunJob};
use serde::Serialize;
use utoipa::ToSchema;

/// What stands for a time that is not, as everywhere in Freezer.
const NO_TIME: i64 = -1;

/// A run. Times are seconds since 1970 UTC, -1 if there is none.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RunObject {
    /// Its number in the session.
    #[schema(example = 23)]
    session_tag: i64,
    /// `running`; `completed`; `superseded`: the next one began, or the session was deleted, before it had ended.
    #[schema(example = "completed")]
    status: &'static str,
    /// `success` or `fail`; empty if it has not ended.
    #[schema(example = "success")]
    result: &'static str,
    /// When it began.
    time_start: i64,
    /// When it ended.
    time_end: i64,
    /// Its jobs by their ids: those that were in the session when it began.
    jobs: BTreeMap<String, RunJobObject>,
}

/// What became of a job in a run.
#[derive(Debug, Serialize, ToSchema)]
struct RunJobObject {
    /// Where it ran.
    client_id: String,
    /// `scheduled`, `running` or `completed`.
    #[schema(example = "completed")]
    status: &'static str,
    /// `success`, `fail` or `aborted`; empty if it has not ended.
    #[schema(example = "success")]
    result: &'static str,
    /// When it started; -1 also of one that ended without.
    time_started: i64,
    /// When it ended.
    time_ended: i64,
    /// Why it was ended on its behalf, if it was.
    reason: Option<String>,
    /// Its number in the job archive, on the cluster `freezer`.
    archive_job_id: i64,
}

impl From<SessionRun> for RunObject {
    fn from(run: SessionRun) -> Self {
        Self {
            session_tag: run.tag,
            status: run.status.name(),
            result: run.result.map_or("", |result| result.name()),
            time_start: seconds(Some(run.started_at)),
            time_end: seconds(run.ended_at),
            jobs: run
                .jobs
                .into_iter()
                .map(|job| (job.job_id.clone(), RunJobObject::from(job)))
                .collect(),
        }
    }
}

impl From<SessionRunJob> for RunJobObject {
    fn from(job: SessionRunJob) -> Self {
        Self {
            client_id: job.client_id,
            status: job.status.name(),
            result: job.result.map_or("", |result| result.name()),
            time_started: seconds(job.started_at),
            time_ended: seconds(job.ended_at),
            reason: job.reason,
            archive_job_id: job.number,
        }
    }
}

/// Whole seconds of a time in microseconds.
fn seconds(time: Option<i64>) -> i64 {
    time.map_or(NO_TIME, |time| time.div_euclid(1_000_000))
}

#[cfg(test)]
mod tests {
    use muster_contract::session::{RunJobStatus, RunResult, SessionRunStatus};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_run_has_its_own_results_and_times_in_seconds() {
        let run = SessionRun {
            tag: 3,
            status: SessionRunStatus::Completed,
            result: Some(RunResult::Fail),
            started_at: 1_999_999,
            ended_at: Some(9_000_000),
            jobs: vec![SessionRunJob {
                number: 12,
                job_id: "j".to_owned(),
                client_id: "c".to_owned(),
                status: RunJobStatus::Completed,
                result: Some(RunResult::Fail),
                started_at: None,
                ended_at: Some(9_000_000),
                reason: Some("did not start within the hold-off".to_owned()),
            }],
        };
        assert_eq!(
            serde_json::to_value(RunObject::from(run)).unwrap(),
            json!({
                "session_tag": 3, "status": "completed", "result": "fail", "time_start": 1, "time_end": 9,
                "jobs": {"j": {
                    "client_id": "c", "status": "completed", "result": "fail", "time_started": -1,
                    "time_ended": 9, "reason": "did not start within the hold-off", "archive_job_id": 12,
                }},
            })
        );
    }
}
