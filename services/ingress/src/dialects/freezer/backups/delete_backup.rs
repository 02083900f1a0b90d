//! `DELETE /v2/{project_id}/backups/{backup_id}`

use axum::extract::State;
use axum::http::StatusCode;
use muster_contract::Outcome;
use muster_contract::session::DeleteBackup;

use super::super::call::Call;
use super::super::description::{AnyFailure, IdempotencyKeyHeader, ProjectParameter};
use super::super::refused;
use crate::frame::{Failure, Idempotency, Ingress, RequestBody};

/// Deletes a backup
///
/// One that is not there is as good as deleted.
#[utoipa::path(
    delete,
    path = "/v2/{project_id}/backups/{backup_id}",
    operation_id = "delete_backup",
    tag = "backups",
    params(ProjectParameter, ("backup_id" = String, Path, description = "Its id"), IdempotencyKeyHeader),
    responses((status = 204, description = "It is not there any more"), AnyFailure),
)]
pub(super) async fn delete_backup(
    State(ingress): State<Ingress>,
    call: Call,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<StatusCode, Failure> {
    let command = DeleteBackup {
        tenant: call.tenant.clone(),
        backup_id: call.id("backup_id")?,
    };
    let outcome = ingress
        .send(&call.caller, idempotency, &body, &command)
        .await?;
    match outcome {
        Outcome::Done(_) => Ok(StatusCode::NO_CONTENT),
        Outcome::Refused(refusal) => Err(refused::document(refusal)),
    }
}
