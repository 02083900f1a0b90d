//! `POST|PUT /api/jobs/stop_job/`

use axum::extract::State;
use axum::response::Response;

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
    let command = StopRequest::parse(&body)?.into_command()?;
    let outcome = ingress.send(&caller, idempotency, &body, &command).await?;
    answer(outcome)
}
