//! `POST /v2/{project_id}/backups`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::session::{SaveBackup, SaveMode};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::body::{answer, object};
use super::super::call::Call;
use super::super::description::{AnyFailure, ProjectParameter};
use super::super::documents::carry_out;
use super::super::error::Description;
use crate::frame::{Failure, Idempotency, IdempotencyKeyHeader, Ingress, RequestBody};

/// A backup was made.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BackupCreated {
    /// Its id.
    backup_id: String,
}

/// Makes a backup
///
/// Whoever made it says so.
#[utoipa::path(
    post,
    path = "/v2/{project_id}/backups",
    operation_id = "create_backup",
    tag = "backups",
    params(ProjectParameter, IdempotencyKeyHeader),
    request_body(content = Object, description = "Its metadata: `backup_name`, `container`, `hostname` and more; `status`"),
    responses(
        (status = 201, description = "Made", body = BackupCreated),
        (status = 409, description = "There is one with that id", body = Description),
        AnyFailure,
    ),
)]
pub(super) async fn create_backup(
    State(ingress): State<Ingress>,
    call: Call,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let command = SaveBackup {
        tenant: call.tenant.clone(),
        backup_id: None,
        mode: SaveMode::Create,
        document: object(&body)?,
    };
    let saved = carry_out(&ingress, &call, idempotency, &body, &command).await?;
    Ok(answer(
        StatusCode::CREATED,
        &BackupCreated {
            backup_id: saved.id,
        },
    ))
}
