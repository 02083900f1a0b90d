//! `GET /v2/{project_id}/sessions`

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::Outcome;
use muster_contract::session::{JobSession, ListJobSessions, SessionDocument};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::body::answer;
use super::super::call::Call;
use super::super::description::{AnyFailure, ProjectParameter};
use super::super::list_parameters::{Filter, Page, PageParameters, filter};
use crate::frame::{Failure, Ingress, RequestBody};

/// A page of sessions.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionList<'a> {
    /// The sessions, in the order in which they were made.
    #[schema(value_type = Vec<Object>)]
    sessions: Vec<SessionDocument<'a>>,
}

/// Lists sessions
///
/// In the order in which they were made.
#[utoipa::path(
    get,
    path = "/v2/{project_id}/sessions",
    operation_id = "list_sessions",
    tag = "sessions",
    params(ProjectParameter, PageParameters),
    request_body(content = inline(Option<Filter>), description = "Which of them"),
    responses((status = 200, description = "The sessions", body = SessionList), AnyFailure),
)]
pub(super) async fn list_sessions(
    State(ingress): State<Ingress>,
    call: Call,
    RawQuery(query): RawQuery,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let page = Page::of_query(query.as_deref())?;
    let query = ListJobSessions {
        tenant: page.tenant(&call)?,
        session_id: None,
        filter: filter(&body)?,
        offset: page.offset,
        limit: page.limit,
    };
    let sessions = match ingress.ask(&call.caller, &query).await? {
        Outcome::Done(page) => page.sessions,
        Outcome::Refused(never) => match never {},
    };
    let sessions = sessions.iter().map(JobSession::document).collect();
    Ok(answer(StatusCode::OK, &SessionList { sessions }))
}
