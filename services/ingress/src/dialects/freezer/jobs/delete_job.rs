//! `DELETE /v2/{project_id}/jobs/{job_id}`

use axum::extract::State;
use axum::http::StatusCode;
use muster_contract::Outcome;
use muster_contract::session::DeleteBackupJob;

use super::super::call::Call;
use super::super::description::{AnyFailure, IdempotencyKeyHeader, ProjectParameter};
use super::super::refused;
use crate::frame::{Failure, Idempotency, Ingress, RequestBody};

/// Deletes a job
///
/// One that is not there is as good as deleted. It leaves its session, and the run that is on.
#[utoipa::path(
    delete,
    path = "/v2/{project_id}/jobs/{job_id}",
    operation_id = "delete_job",
    tag = "jobs",
    params(ProjectParameter, ("job_id" = String, Path, description = "Its id"), IdempotencyKeyHeader),
    responses((status = 204, description = "It is not there any more"), AnyFailure),
)]
pub(super) async fn delete_job(
    State(ingress): State<Ingress>,
    call: Call,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<StatusCode, Failure> {
    let command = DeleteBackupJob {
        tenant: call.tenant.clone(),
        job_id: call.id("job_id")?,
    };
    let outcome = ingress
        .send(&call.caller, idempotency, &body, &command)
        .await?;
    match outcome {
        Outcome::Done(_) => Ok(StatusCode::NO_CONTENT),
        Outcome::Refused(refusal) => Err(refused::document(refusal)),
    }
}
