//! `PATCH /v2/{project_id}/actions/{action_id}`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::session::{SaveBackupAction, SaveMode};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::body::{answer, object};
use super::super::call::Call;
use super::super::description::{AnyFailure, ProjectParameter};
use super::super::documents::carry_out;
use super::super::error::Description;
use crate::frame::{Failure, Idempotency, IdempotencyKeyHeader, Ingress, RequestBody};

/// An action was saved.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ActionSaved {
    /// Its id.
    pub(super) action_id: String,
    /// Rises with each change.
    pub(super) version: i64,
}

/// Changes an action
///
/// What is not named stays as it is; `freezer_action` is merged key by key.
#[utoipa::path(
    patch,
    path = "/v2/{project_id}/actions/{action_id}",
    operation_id = "update_action",
    tag = "actions",
    params(ProjectParameter, ("action_id" = String, Path, description = "Its id"), IdempotencyKeyHeader),
    request_body(content = Object, description = "What is to be different"),
    responses(
        (status = 200, description = "Changed", body = ActionSaved),
        (status = 404, description = "There is none with that id", body = Description),
        (status = 409, description = "`_version` is not its version", body = Description),
        AnyFailure,
    ),
)]
pub(super) async fn update_action(
    State(ingress): State<Ingress>,
    call: Call,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let command = SaveBackupAction {
        tenant: call.tenant.clone(),
        action_id: Some(call.id("action_id")?),
        mode: SaveMode::Patch,
        document: object(&body)?,
    };
    let saved = carry_out(&ingress, &call, idempotency, &body, &command).await?;
    Ok(answer(
        StatusCode::OK,
        &ActionSaved {
            action_id: saved.id,
            version: saved.version,
        },
    ))
}
