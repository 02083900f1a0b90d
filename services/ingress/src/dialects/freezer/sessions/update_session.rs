//! `PATCH /v2/{project_id}/sessions/{session_id}`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::Outcome;
use muster_contract::session::{JobSession, JobSessionChange, SaveJobSession};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::body::{answer, object};
use super::super::call::Call;
use super::super::description::{AnyFailure, ProjectParameter};
use super::super::error::Description;
use super::super::refused;
use super::session_request::{SessionRequest, patch, version};
use crate::frame::{Failure, Idempotency, IdempotencyKeyHeader, Ingress, RequestBody};

/// A session was saved.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionSaved {
    /// Its id.
    session_id: String,
    /// Rises with each change, runs and their jobs aside.
    version: i64,
}

impl From<JobSession> for SessionSaved {
    fn from(session: JobSession) -> Self {
        Self {
            session_id: session.session_id,
            version: session.version,
        }
    }
}

/// Changes a session
///
/// What is not named stays as it is; `schedule` is merged key by key, and reaches the jobs.
#[utoipa::path(
    patch,
    path = "/v2/{project_id}/sessions/{session_id}",
    operation_id = "update_session",
    tag = "sessions",
    params(ProjectParameter, ("session_id" = String, Path, description = "Its id"), IdempotencyKeyHeader),
    request_body(content = inline(SessionRequest), description = "What is to be different; a key of `schedule` with `null` goes"),
    responses(
        (status = 200, description = "Changed", body = SessionSaved),
        (status = 404, description = "There is none with that id", body = Description),
        (status = 409, description = "`_version` is not its version", body = Description),
        AnyFailure,
    ),
)]
pub(super) async fn update_session(
    State(ingress): State<Ingress>,
    call: Call,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let document = object(&body)?;
    let command = SaveJobSession {
        tenant: call.tenant.clone(),
        change: JobSessionChange::Patch {
            session_id: call.id("session_id")?,
            patch: patch(&document)?,
            version: version(&document)?,
        },
    };
    let outcome = ingress
        .send(&call.caller, idempotency, &body, &command)
        .await?;
    match outcome {
        Outcome::Done(session) => Ok(answer(StatusCode::OK, &SessionSaved::from(session))),
        Outcome::Refused(refusal) => Err(refused::session(refusal)),
    }
}
