//! `DELETE /v2/{project_id}/clients/{client_id}`

use axum::extract::State;
use axum::http::StatusCode;
use muster_contract::session::DeleteBackupClient;

use super::super::call::Call;
use super::super::description::{AnyFailure, ProjectParameter};
use super::super::documents::carry_out;
use crate::frame::{Failure, Idempotency, IdempotencyKeyHeader, Ingress, RequestBody};

/// Deletes a client
///
/// One that is not there is as good as deleted.
#[utoipa::path(
    delete,
    path = "/v2/{project_id}/clients/{client_id}",
    operation_id = "delete_client",
    tag = "clients",
    params(ProjectParameter, ("client_id" = String, Path, description = "Its id"), IdempotencyKeyHeader),
    responses((status = 204, description = "It is not there any more"), AnyFailure),
)]
pub(super) async fn delete_client(
    State(ingress): State<Ingress>,
    call: Call,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<StatusCode, Failure> {
    let command = DeleteBackupClient {
        tenant: call.tenant.clone(),
        client_id: call.client_id()?,
    };
    carry_out(&ingress, &call, idempotency, &body, &command).await?;
    Ok(StatusCode::NO_CONTENT)
}
