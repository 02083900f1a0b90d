//! `POST /v2/{project_id}/actions`

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

/// An action was made.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ActionCreated {
    /// Its id.
    action_id: String,
}

/// Makes an action
///
/// Jobs that name it do it.
#[utoipa::path(
    post,
    path = "/v2/{project_id}/actions",
    operation_id = "create_action",
    tag = "actions",
    params(ProjectParameter, IdempotencyKeyHeader),
    request_body(content = Object, description = "`freezer_action`, `max_retries`, `max_retries_interval`"),
    responses(
        (status = 201, description = "Made", body = ActionCreated),
        (status = 409, description = "There is one with that id", body = Description),
        AnyFailure,
    ),
)]
pub(super) async fn create_action(
    State(ingress): State<Ingress>,
    call: Call,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let command = SaveBackupAction {
        tenant: call.tenant.clone(),
        action_id: None,
        mode: SaveMode::Create,
        document: object(&body)?,
    };
    let saved = carry_out(&ingress, &call, idempotency, &body, &command).await?;
    Ok(answer(
        StatusCode::CREATED,
        &ActionCreated {
            action_id: saved.id,
        },
    ))
}
