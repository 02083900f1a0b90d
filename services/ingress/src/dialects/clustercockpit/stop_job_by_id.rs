//! `POST|PUT /api/jobs/stop_job/{id}`

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use muster_contract::job_archive::{StopJob, StopTarget};

use super::description::WriteFailures;
use super::go_numbers::parse_integer;
use super::stop_request::{StopRequest, answer};
use crate::frame::{Caller, Failure, Idempotency, IdempotencyKeyHeader, Ingress, RequestBody};

/// Marks a job as stopped, by its number in the archive
#[utoipa::path(
    method(post, put),
    path = "/api/jobs/stop_job/{id}",
    operation_id = "stop_job_by_id",
    tag = "add and modify",
    params(
        ("id" = i64, Path, description = "Number of the job in the archive"),
        IdempotencyKeyHeader,
    ),
    request_body(content = StopRequest, description = "When and how it stopped; Content-Type is not looked at"),
    responses(
        (status = 200, description = "The job", body = super::job_object::JobObject,
            headers(("Muster-Command-Id" = String, description = "The command this became"))),
        (status = 422, description = "No such job (\"finding job failed: sql: no rows in result set\"), it has stopped already, or the Idempotency-Key was used for another request", body = super::error::ErrorResponse),
        WriteFailures,
    ),
)]
pub(super) async fn stop_job_by_id(
    State(ingress): State<Ingress>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let request = StopRequest::parse(&body)?;
    let command = StopJob {
        target: StopTarget::Id(parse_id(id)?),
        stop_time: request.stop_time(),
        state: request.final_state()?,
    };
    let outcome = ingress.send(&caller, idempotency, &body, &command).await?;
    answer(outcome)
}

fn parse_id(id: Result<Path<String>, PathRejection>) -> Result<i64, Failure> {
    let wrong = |reason| Failure::invalid(format!("integer expected in path for id: {reason}"));
    let Path(id) = id.map_err(|rejection| wrong(rejection.body_text()))?;
    parse_integer("ParseInt", &id).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_an_integer() {
        assert_eq!(parse_id(Ok(Path("-7".to_owned()))).unwrap(), -7);
        for id in ["x", "1.5", "", "99999999999999999999"] {
            let failure = parse_id(Ok(Path(id.to_owned()))).unwrap_err();
            assert_eq!(failure.kind(), crate::frame::FailureKind::Invalid);
            assert!(
                failure
                    .message()
                    .starts_with("integer expected in path for id: strconv.ParseInt: "),
                "{}",
                failure.message()
            );
        }
    }
}
