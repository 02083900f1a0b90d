//! What both ways of stopping a job have in common: the request, the refusals, the answer.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use muster_contract::Outcome;
use muster_contract::job_archive::{Job, JobState, StopJobRefusal};
use utoipa::ToSchema;

use super::go_json::{decode, go_object};
use super::job_object::JobObject;
use super::writing::to_json;
use crate::frame::{Failure, FailureKind};

/// A job that has stopped.
#[derive(Debug, Default, PartialEq, ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct StopRequest {
    /// Number of the job on its cluster. Required where the path has no `id`, ignored where it has.
    #[schema(example = 123_000)]
    pub(super) job_id: Option<i64>,
    /// Only on this cluster. Ignored where the path has an `id`.
    #[schema(example = "fritz")]
    pub(super) cluster: Option<String>,
    /// Only if it started then: seconds since 1970 UTC. Ignored where the path has an `id`.
    #[schema(example = 1_649_723_812)]
    pub(super) start_time: Option<i64>,
    /// When it stopped: seconds since 1970 UTC; not before it started.
    #[schema(required = true, example = 1_649_763_839)]
    pub(super) stop_time: Option<i64>,
    /// Its final state; without one, `completed`.
    #[schema(example = "completed")]
    pub(super) job_state: Option<String>,
}

go_object!(StopRequest {
    "jobId" => job_id,
    "cluster" => cluster,
    "startTime" => start_time,
    "stopTime" => stop_time,
    "jobState" => job_state,
});

impl StopRequest {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Failure> {
        decode(body)
            .map_err(|error| Failure::invalid(format!("parsing request body failed: {error}")))
    }

    /// When it stopped. A client that does not say so is told, as in cc-backend, that the job cannot
    /// have stopped in 1970.
    pub(super) fn stop_time(&self) -> i64 {
        self.stop_time.unwrap_or_default()
    }

    pub(super) fn final_state(&self) -> Result<JobState, Failure> {
        match self.job_state.as_deref() {
            None | Some("") => Ok(JobState::Completed),
            Some(name) => JobState::from_name(name)
                .ok_or_else(|| Failure::invalid(format!("invalid job state: {name:?}"))),
        }
    }
}

/// The answer to either way of stopping.
pub(super) fn answer(outcome: Outcome<Job, StopJobRefusal>) -> Result<Response, Failure> {
    match outcome {
        Outcome::Done(job) => {
            let body = to_json(&JobObject::new(&job));
            Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
        }
        Outcome::Refused(refusal) => Err(refused(&refusal)),
    }
}

fn refused(refusal: &StopJobRefusal) -> Failure {
    match refusal {
        StopJobRefusal::NotFound => Failure::new(
            FailureKind::Unprocessable,
            "finding job failed: sql: no rows in result set",
        ),
        StopJobRefusal::NotRunning { id, job_id, state } => Failure::new(
            FailureKind::Unprocessable,
            format!("jobId {job_id} (id {id}): job has already been stopped (state is: {state})"),
        ),
        StopJobRefusal::StopsBeforeStart {
            start_time,
            stop_time,
        } => Failure::invalid(format!(
            "stopTime {stop_time} must be larger/equal than startTime {start_time}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> StopRequest {
        StopRequest::parse(body.as_bytes()).unwrap()
    }

    #[test]
    fn what_clients_send_is_read() {
        let whole = parse(
            r#"{"jobId":7,"cluster":"fritz","startTime":100,"stopTime":200,"jobState":"failed"}"#,
        );
        assert_eq!(
            whole,
            StopRequest {
                job_id: Some(7),
                cluster: Some("fritz".to_owned()),
                start_time: Some(100),
                stop_time: Some(200),
                job_state: Some("failed".to_owned()),
            }
        );
        // As cc-slurm-adapter sends it, without a start time.
        let adapter =
            parse(r#"{"jobId":7,"cluster":"fritz","jobState":"node_fail","stopTime":200}"#);
        assert_eq!(adapter.start_time, None);
        assert_eq!(adapter.final_state().unwrap(), JobState::NodeFail);
        assert_eq!(parse("{}").stop_time(), 0);
    }

    #[test]
    fn without_a_state_the_job_completed() {
        for body in ["{}", r#"{"jobState":""}"#, r#"{"jobState":null}"#] {
            assert_eq!(parse(body).final_state().unwrap(), JobState::Completed);
        }
        for state in JobState::ALL {
            let body = format!(r#"{{"jobState":"{state}"}}"#);
            assert_eq!(parse(&body).final_state().unwrap(), *state);
        }
        for wrong in ["finished", "COMPLETED", " completed"] {
            let body = format!(r#"{{"jobState":"{wrong}"}}"#);
            let failure = parse(&body).final_state().unwrap_err();
            assert_eq!(failure.kind(), FailureKind::Invalid);
            assert_eq!(failure.message(), format!("invalid job state: {wrong:?}"));
        }
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for body in [
            "",
            "[]",
            "7",
            r#"{"jobId":"7"}"#,
            r#"{"jobId":7.0}"#,
            r#"{"stopTime":1e9}"#,
            r#"{"state":"completed"}"#,
            r#"{"cluster":"a\u0000"}"#,
        ] {
            let failure = StopRequest::parse(body.as_bytes()).unwrap_err();
            assert_eq!(failure.kind(), FailureKind::Invalid, "{body}");
            assert!(
                failure
                    .message()
                    .starts_with("parsing request body failed: "),
                "{}",
                failure.message()
            );
        }
    }

    #[test]
    fn refusals_have_their_documented_status() {
        let (id, job_id) = (1, 7);
        let state = JobState::Failed;
        for (refusal, status, message) in [
            (
                StopJobRefusal::NotFound,
                422,
                "finding job failed: sql: no rows in result set",
            ),
            (
                StopJobRefusal::NotRunning { id, job_id, state },
                422,
                "jobId 7 (id 1): job has already been stopped (state is: failed)",
            ),
            (
                StopJobRefusal::StopsBeforeStart {
                    start_time: 2,
                    stop_time: 1,
                },
                400,
                "stopTime 1 must be larger/equal than startTime 2",
            ),
        ] {
            let failure = refused(&refusal);
            assert_eq!(failure.kind().status(), status);
            assert_eq!(failure.message(), message);
        }
    }
}
