//! `POST|PUT /api/jobs/stop_job/{id}`

use axum::extract::State;
use axum::response::Response;
use muster_contract::job_archive::{StopJob, StopTarget};

use super::description::WriteFailures;
use super::path_number::{PathText, integer};
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
    id: PathText,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let request = StopRequest::parse(&body)?;
    let command = StopJob {
        target: StopTarget::Id(integer("id", id)?.0),
        stop_time: request.stop_time(),
        state: request.final_state()?,
    };
    let outcome = ingress.send(&caller, idempotency, &body, &command).await?;
    answer(outcome)
}
