//! `DELETE /v2/{project_id}/jobs/{job_id}`

use axum::extract::State;
use axum::http::StatusCode;
use muster_contract::session::DeleteBackupJob;

use super::super::call::Call;
use super::super::description::{AnyFailure, ProjectParameter};
use super::super::documents::carry_out;
use crate::frame::{Failure, Idempotency, IdempotencyKeyHeader, Ingress, RequestBody};

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
    carry_out(&ingress, &call, idempotency, &body, &command).await?;
    Ok(StatusCode::NO_CONTENT)
}
