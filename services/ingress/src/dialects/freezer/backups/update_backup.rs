//! `PATCH /v2/{project_id}/backups/{backup_id}`

use axum::extract::State;
use axum::response::Response;
use muster_contract::session::{SaveBackup, SaveMode};

use super::super::body::object;
use super::super::call::Call;
use super::super::description::{AnyFailure, ProjectParameter};
use super::super::documents::carry_out;
use super::super::error::Description;
use super::show_backup::show_backup;
use crate::frame::{Failure, Idempotency, IdempotencyKeyHeader, Ingress, RequestBody};

/// Changes a backup
///
/// `status`, and `backup_metadata` key by key.
#[utoipa::path(
    patch,
    path = "/v2/{project_id}/backups/{backup_id}",
    operation_id = "update_backup",
    tag = "backups",
    params(ProjectParameter, ("backup_id" = String, Path, description = "Its id"), IdempotencyKeyHeader),
    request_body(content = Object, description = "What is to be different"),
    responses(
        (status = 200, description = "The backup as it is now", body = Object),
        (status = 404, description = "There is none with that id", body = Description),
        AnyFailure,
    ),
)]
pub(super) async fn update_backup(
    State(ingress): State<Ingress>,
    call: Call,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let command = SaveBackup {
        tenant: call.tenant.clone(),
        backup_id: Some(call.id("backup_id")?),
        mode: SaveMode::Patch,
        document: object(&body)?,
    };
    carry_out(&ingress, &call, idempotency, &body, &command).await?;
    // As the real server, and unlike with anything else: the backup itself.
    show_backup(State(ingress), call).await
}
