//! `POST|PUT /api/jobs/stop_job/`

use axum::extract::State;
use axum::response::Response;
use muster_contract::job_archive::{StopJob, StopTarget};

use super::description::WriteFailures;
use super::stop_request::{StopRequest, answer};
use crate::frame::{Caller, Failure, Idempotency, IdempotencyKeyHeader, Ingress, RequestBody};

/// Marks a job as stopped
///
/// The newest job that fits the request. Nothing has to be said of its start; what is said and fits no
/// job is not found.
#[utoipa::path(
    method(post, put),
    path = "/api/jobs/stop_job/",
    operation_id = "stop_job",
    tag = "add and modify",
    params(IdempotencyKeyHeader),
    request_body(content = StopRequest, description = "Job to stop; Content-Type is not looked at"),
    responses(
        (status = 200, description = "The job", body = super::job_object::JobObject,
            headers(("Muster-Command-Id" = String, description = "The command this became"))),
        (status = 422, description = "No such job (\"finding job failed: sql: no rows in result set\"), it has stopped already, or the Idempotency-Key was used for another request", body = super::error::ErrorResponse),
        WriteFailures,
    ),
)]
pub(super) async fn stop_job(
    State(ingress): State<Ingress>,
    caller: Caller,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let command = command(StopRequest::parse(&body)?)?;
    let outcome = ingress.send(&caller, idempotency, &body, &command).await?;
    answer(outcome)
}

fn command(request: StopRequest) -> Result<StopJob, Failure> {
    let job_id = request
        .job_id
        .ok_or_else(|| Failure::invalid("the field 'jobId' is required"))?;
    Ok(StopJob {
        stop_time: request.stop_time(),
        state: request.final_state()?,
        target: StopTarget::Newest {
            job_id,
            cluster: request.cluster,
            start_time: request.start_time,
        },
    })
}

#[cfg(test)]
mod tests {
    use muster_contract::job_archive::JobState;

    use super::*;

    #[test]
    fn only_the_number_of_the_job_is_required() {
        let parse = |body: &str| command(StopRequest::parse(body.as_bytes()).unwrap());
        assert_eq!(
            parse(r#"{"jobId":0,"cluster":"fritz","stopTime":9}"#).unwrap(),
            StopJob {
                target: StopTarget::Newest {
                    job_id: 0,
                    cluster: Some("fritz".to_owned()),
                    start_time: None,
                },
                stop_time: 9,
                state: JobState::Completed,
            }
        );
        for body in ["{}", r#"{"jobId":null,"stopTime":9}"#] {
            assert_eq!(
                parse(body).unwrap_err().message(),
                "the field 'jobId' is required"
            );
        }
    }
}
