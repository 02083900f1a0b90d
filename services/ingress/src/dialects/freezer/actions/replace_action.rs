//! `POST /v2/{project_id}/actions/{action_id}`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::session::{SaveBackupAction, SaveMode};

use super::super::body::{answer, object};
use super::super::call::Call;
use super::super::description::{AnyFailure, ProjectParameter};
use super::super::documents::carry_out;
use super::super::error::Description;
use super::update_action::ActionSaved;
use crate::frame::{Failure, Idempotency, IdempotencyKeyHeader, Ingress, RequestBody};

/// Makes an action with an id of its own, or another one of it
#[utoipa::path(
    post,
    path = "/v2/{project_id}/actions/{action_id}",
    operation_id = "replace_action",
    tag = "actions",
    params(ProjectParameter, ("action_id" = String, Path, description = "Its id"), IdempotencyKeyHeader),
    request_body(content = Object, description = "`freezer_action`, `max_retries`, `max_retries_interval`"),
    responses(
        (status = 201, description = "Saved", body = ActionSaved),
        (status = 409, description = "`_version` is not its version", body = Description),
        AnyFailure,
    ),
)]
pub(super) async fn replace_action(
    State(ingress): State<Ingress>,
    call: Call,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let command = SaveBackupAction {
        tenant: call.tenant.clone(),
        action_id: Some(call.id("action_id")?),
        mode: SaveMode::Replace,
        document: object(&body)?,
    };
    let saved = carry_out(&ingress, &call, idempotency, &body, &command).await?;
    Ok(answer(
        StatusCode::CREATED,
        &ActionSaved {
            action_id: saved.id,
            version: saved.version,
        },
    ))
}
