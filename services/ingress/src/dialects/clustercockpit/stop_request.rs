//! What both ways of stopping a job have in common: the refusals, the answer.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use muster_contract::Outcome;
use muster_contract::job_archive::{Job, StopJobRefusal};

pub(super) use muster_clustercockpit::StopRequest;

use super::job_object::JobObject;
use super::writing::to_json;
use crate::frame::{Failure, FailureKind};

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
    use muster_contract::job_archive::JobState;

    use super::*;

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
