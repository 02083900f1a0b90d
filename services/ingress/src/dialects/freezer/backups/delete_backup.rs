//! `DELETE /v2/{project_id}/backups/{backup_id}`

use axum::extract::State;
use axum::http::StatusCode;
use muster_contract::session::DeleteBackup;

use super::super::call::Call;
use super::super::description::{AnyFailure, ProjectParameter};
use super::super::documents::carry_out;
use crate::frame::{Failure, Idempotency, IdempotencyKeyHeader, Ingress, RequestBody};

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
    carry_out(&ingress, &call, idempotency, &body, &command).await?;
    Ok(StatusCode::NO_CONTENT)
}
