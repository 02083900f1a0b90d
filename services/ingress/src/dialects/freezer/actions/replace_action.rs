//! `POST /v2/{project_id}/actions/{action_id}`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::Outcome;
use muster_contract::session::{SaveBackupAction, SaveMode};

use super::super::body::{answer, object};
use super::super::call::Call;
use super::super::description::{AnyFailure, IdempotencyKeyHeader, ProjectParameter};
use super::super::error::Description;
use super::super::refused;
use super::update_action::ActionSaved;
use crate::frame::{Failure, Idempotency, Ingress, RequestBody};

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
    let outcome = ingress
        .send(&call.caller, idempotency, &body, &command)
        .await?;
    match outcome {
        Outcome::Done(saved) => Ok(answer(
            StatusCode::CREATED,
            &ActionSaved {
                action_id: saved.id,
                version: saved.version,
            },
        )),
        Outcome::Refused(refusal) => Err(refused::document(refusal)),
    }
}
