//! `DELETE /v2/{project_id}/sessions/{session_id}`

use axum::extract::State;
use axum::http::StatusCode;
use muster_contract::Outcome;
use muster_contract::session::{DeleteJobSession, JobSessionRefusal};

use super::super::call::Call;
use super::super::description::{AnyFailure, ProjectParameter};
use super::super::error::Description;
use super::super::refused;
use crate::frame::{Failure, Idempotency, IdempotencyKeyHeader, Ingress, RequestBody};

/// Deletes a session
///
/// Its jobs have their own times again; the history of its runs stays. One that is not there is as good as deleted, but for
/// release 1.
#[utoipa::path(
    delete,
    path = "/v2/{project_id}/sessions/{session_id}",
    operation_id = "delete_session",
    tag = "sessions",
    params(ProjectParameter, ("session_id" = String, Path, description = "Its id"), IdempotencyKeyHeader),
    responses(
        (status = 204, description = "It is not there any more"),
        (status = 404, description = "Release 1: there is none with that id", body = Description),
        AnyFailure,
    ),
)]
pub(super) async fn delete_session(
    State(ingress): State<Ingress>,
    call: Call,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<StatusCode, Failure> {
    let command = DeleteJobSession {
        tenant: call.tenant.clone(),
        session_id: call.id("session_id")?,
    };
    let outcome = ingress
        .send(&call.caller, idempotency, &body, &command)
        .await?;
    match outcome {
        Outcome::Done(()) => Ok(StatusCode::NO_CONTENT),
        Outcome::Refused(JobSessionRefusal::UnknownSession) if !call.is_v1() => {
            Ok(StatusCode::NO_CONTENT)
        }
        Outcome::Refused(refusal) => Err(refused::session(refusal)),
    }
}
