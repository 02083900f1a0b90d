//! `DELETE /v2/{project_id}/actions/{action_id}`

use axum::extract::State;
use axum::http::StatusCode;
use muster_contract::session::DeleteBackupAction;

use super::super::call::Call;
use super::super::description::{AnyFailure, ProjectParameter};
use super::super::documents::carry_out;
use crate::frame::{Failure, Idempotency, IdempotencyKeyHeader, Ingress, RequestBody};

/// Deletes an action
///
/// One that is not there is as good as deleted. Jobs do it no more.
#[utoipa::path(
    delete,
    path = "/v2/{project_id}/actions/{action_id}",
    operation_id = "delete_action",
    tag = "actions",
    params(ProjectParameter, ("action_id" = String, Path, description = "Its id"), IdempotencyKeyHeader),
    responses((status = 204, description = "It is not there any more"), AnyFailure),
)]
pub(super) async fn delete_action(
    State(ingress): State<Ingress>,
    call: Call,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<StatusCode, Failure> {
    let command = DeleteBackupAction {
        tenant: call.tenant.clone(),
        action_id: call.id("action_id")?,
    };
    carry_out(&ingress, &call, idempotency, &body, &command).await?;
    Ok(StatusCode::NO_CONTENT)
}
