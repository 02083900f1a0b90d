//! `GET /api/v1/sessions/{id}`

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::Outcome;
use muster_contract::session::{ListNodeSessions, NodeSession, SessionReference};

use super::super::description::AnyFailure;
use super::super::error::Detail;
use super::answers::{forbidden, json, not_found, number};
use super::session_object::{SessionObject, SessionResult};
use crate::frame::{Caller, Failure, Ingress};

/// Shows a session
///
/// Also one that is over.
#[utoipa::path(
    get,
    path = "/api/v1/sessions/{id}",
    operation_id = "get_session",
    tag = "sessions",
    security(("HTTPBasic" = [])),
    params(("id" = i64, Path, description = "Number of the session")),
    responses(
        (status = 200, description = "The session", body = SessionResult),
        (status = 403, description = "It is another tenant's", body = Detail),
        (status = 404, description = "There is none of that number", body = Detail),
        (status = 422, description = "The id is no number", body = Detail),
        AnyFailure,
    ),
)]
pub(super) async fn show_session(
    State(ingress): State<Ingress>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Failure> {
    let session = find(&ingress, &caller, number(id)?).await?;
    let result = SessionResult {
        action: "get",
        session: SessionObject::new(session, &ingress.directory),
    };
    Ok(json(StatusCode::OK, &result))
}

/// The session of that number, if the caller may see it.
pub(super) async fn find(
    ingress: &Ingress,
    caller: &Caller,
    number: i64,
) -> Result<NodeSession, Failure> {
    let query = ListNodeSessions {
        session: Some(SessionReference::Number(number)),
        limit: 1,
        ..ListNodeSessions::default()
    };
    let found = match ingress.ask(caller, &query).await? {
        Outcome::Done(page) => page.sessions.into_iter().next(),
        Outcome::Refused(never) => match never {},
    };
    let session = found.ok_or_else(not_found)?;
    let principal = &caller.principal;
    if session.tenant != principal.project && !principal.sees_all_tenants() {
        return Err(forbidden("Forbidden"));
    }
    Ok(session)
}
