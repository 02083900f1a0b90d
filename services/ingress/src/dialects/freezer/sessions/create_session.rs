//! `POST /v2/{project_id}/sessions`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::Outcome;
use muster_contract::session::{JobSessionChange, SaveJobSession};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::body::{answer, object};
use super::super::call::Call;
use super::super::description::{AnyFailure, ProjectParameter};
use super::super::refused;
use super::session_request::{SessionRequest, state};
use crate::frame::{Failure, Idempotency, IdempotencyKeyHeader, Ingress, RequestBody};

/// A session was made.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionCreated {
    /// Its id.
    session_id: String,
}

/// Makes a session
///
/// With an id that it gets here, and without jobs.
#[utoipa::path(
    post,
    path = "/v2/{project_id}/sessions",
    operation_id = "create_session",
    tag = "sessions",
    params(ProjectParameter, IdempotencyKeyHeader),
    request_body(content = inline(SessionRequest), description = "The session; Content-Type is not looked at"),
    responses((status = 201, description = "Made", body = SessionCreated), AnyFailure),
)]
pub(super) async fn create_session(
    State(ingress): State<Ingress>,
    call: Call,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let command = SaveJobSession {
        tenant: call.tenant.clone(),
        change: JobSessionChange::Create(state(&object(&body)?)?),
    };
    let outcome = ingress
        .send(&call.caller, idempotency, &body, &command)
        .await?;
    match outcome {
        Outcome::Done(session) => {
            let session_id = session.session_id;
            Ok(answer(StatusCode::CREATED, &SessionCreated { session_id }))
        }
        Outcome::Refused(refusal) => Err(refused::session(refusal)),
    }
}
