//! `POST /v2/{project_id}/clients`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::session::RegisterBackupClient;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::body::{answer, object};
use super::super::call::Call;
use super::super::description::{AnyFailure, ProjectParameter};
use super::super::documents::carry_out;
use crate::frame::{Failure, Idempotency, IdempotencyKeyHeader, Ingress, RequestBody};

/// A client was registered.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ClientRegistered {
    /// Its id.
    client_id: String,
}

/// Registers a client
///
/// Or says what has become of one that is registered. A central one is for administrators.
#[utoipa::path(
    post,
    path = "/v2/{project_id}/clients",
    operation_id = "register_client",
    tag = "clients",
    params(ProjectParameter, IdempotencyKeyHeader),
    request_body(content = Object, description = "`client_id`, `hostname`, `description`, `is_central` and what it supports"),
    responses(
        (status = 201, description = "Registered", body = ClientRegistered),
        AnyFailure,
    ),
)]
pub(super) async fn register_client(
    State(ingress): State<Ingress>,
    call: Call,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let command = RegisterBackupClient {
        tenant: call.tenant.clone(),
        document: object(&body)?,
    };
    let saved = carry_out(&ingress, &call, idempotency, &body, &command).await?;
    Ok(answer(
        StatusCode::CREATED,
        &ClientRegistered {
            client_id: saved.id,
        },
    ))
}
