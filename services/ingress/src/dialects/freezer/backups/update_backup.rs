//! `PATCH /v2/{project_id}/backups/{backup_id}`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::Outcome;
use muster_contract::session::{SaveBackup, SaveMode};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::body::{answer, object};
use super::super::call::Call;
use super::super::description::{AnyFailure, IdempotencyKeyHeader, ProjectParameter};
use super::super::error::Description;
use super::super::refused;
use crate::frame::{Failure, Idempotency, Ingress, RequestBody};

/// A backup was saved.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BackupSaved {
    /// Its id.
    pub(super) backup_id: String,
    /// Always 0: changes of backups are not counted.
    pub(super) version: i64,
}

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
        (status = 200, description = "Changed", body = BackupSaved),
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
    let outcome = ingress
        .send(&call.caller, idempotency, &body, &command)
        .await?;
    match outcome {
        Outcome::Done(saved) => Ok(answer(
            StatusCode::OK,
            &BackupSaved {
                backup_id: saved.id,
                version: saved.version,
            },
        )),
        Outcome::Refused(refusal) => Err(refused::document(refusal)),
    }
}
