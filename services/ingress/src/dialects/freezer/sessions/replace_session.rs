//! `POST /v2/{project_id}/sessions/{session_id}`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::Outcome;
use muster_contract::session::{JobSessionChange, SaveJobSession};

use super::super::body::{answer, object};
use super::super::call::Call;
use super::super::description::{AnyFailure, ProjectParameter};
use super::super::error::Description;
use super::super::refused;
use super::session_request::{SessionRequest, state, version};
use super::update_session::SessionSaved;
use crate::frame::{Failure, Idempotency, IdempotencyKeyHeader, Ingress, RequestBody};

/// Makes a session with an id of its own, or another one of it
///
/// Its jobs and its runs stay. What is not named is as in a new one.
#[utoipa::path(
    post,
    path = "/v2/{project_id}/sessions/{session_id}",
    operation_id = "replace_session",
    tag = "sessions",
    params(ProjectParameter, ("session_id" = String, Path, description = "Its id"), IdempotencyKeyHeader),
    request_body(content = inline(SessionRequest), description = "The session"),
    responses(
        (status = 201, description = "Saved", body = SessionSaved),
        (status = 404, description = "A `_version` is given, and there is no session with that id", body = Description),
        (status = 409, description = "`_version` is not its version", body = Description),
        AnyFailure,
    ),
)]
pub(super) async fn replace_session(
    State(ingress): State<Ingress>,
    call: Call,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let document = object(&body)?;
    let command = SaveJobSession {
        tenant: call.tenant.clone(),
        change: JobSessionChange::Replace {
            session_id: call.id("session_id")?,
            state: state(&document)?,
            version: version(&document)?,
        },
    };
    let outcome = ingress
        .send(&call.caller, idempotency, &body, &command)
        .await?;
    match outcome {
        Outcome::Done(session) => Ok(answer(StatusCode::CREATED, &SessionSaved::from(session))),
        Outcome::Refused(refusal) => Err(refused::session(refusal)),
    }
}
