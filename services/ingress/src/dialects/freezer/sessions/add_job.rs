//! `PUT /v2/{project_id}/sessions/{session_id}/jobs/{job_id}`

use axum::extract::State;
use axum::http::StatusCode;
use muster_contract::Outcome;
use muster_contract::session::AddSessionJob;

use super::super::call::Call;
use super::super::description::{AnyFailure, ProjectParameter};
use super::super::error::Description;
use super::super::refused;
use crate::frame::{Failure, Idempotency, IdempotencyKeyHeader, Ingress, RequestBody};

/// Adds a job to a session
///
/// It has the session's times from then on, and leaves the session that it was in. One that is there already stays.
#[utoipa::path(
    put,
    path = "/v2/{project_id}/sessions/{session_id}/jobs/{job_id}",
    operation_id = "add_session_job",
    tag = "sessions",
    params(
        ProjectParameter,
        ("session_id" = String, Path, description = "The session"),
        ("job_id" = String, Path, description = "The job"),
        IdempotencyKeyHeader,
    ),
    responses(
        (status = 204, description = "It is in the session"),
        (status = 404, description = "There is no such session, or no such job", body = Description),
        AnyFailure,
    ),
)]
pub(super) async fn add_job(
    State(ingress): State<Ingress>,
    call: Call,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<StatusCode, Failure> {
    let command = AddSessionJob {
        tenant: call.tenant.clone(),
        session_id: call.id("session_id")?,
        job_id: call.id("job_id")?,
    };
    let outcome = ingress
        .send(&call.caller, idempotency, &body, &command)
        .await?;
    match outcome {
        Outcome::Done(()) => Ok(StatusCode::NO_CONTENT),
        Outcome::Refused(refusal) => Err(refused::session(refusal)),
    }
}
