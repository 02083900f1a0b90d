//! `GET /v2/{project_id}/sessions/{session_id}`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::Outcome;
use muster_contract::session::ListJobSessions;

use super::super::body::{answer, nothing_there};
use super::super::call::Call;
use super::super::description::{AnyFailure, ProjectParameter};
use crate::frame::{Failure, Ingress};

/// Shows a session
///
/// And what became of its jobs in its last run.
#[utoipa::path(
    get,
    path = "/v2/{project_id}/sessions/{session_id}",
    operation_id = "show_session",
    tag = "sessions",
    params(ProjectParameter, ("session_id" = String, Path, description = "Its id")),
    responses(
        (status = 200, description = "The session", body = Object),
        (status = 404, description = "There is none with that id; the answer is empty"),
        AnyFailure,
    ),
)]
pub(super) async fn show_session(
    State(ingress): State<Ingress>,
    call: Call,
) -> Result<Response, Failure> {
    let query = ListJobSessions {
        tenant: Some(call.tenant.clone()),
        session_id: Some(call.id("session_id")?),
        limit: 1,
        ..ListJobSessions::default()
    };
    let found = match ingress.ask(&call.caller, &query).await? {
        Outcome::Done(page) => page.sessions.into_iter().next(),
        Outcome::Refused(never) => match never {},
    };
    Ok(found.map_or_else(nothing_there, |session| {
        answer(StatusCode::OK, &session.document())
    }))
}
