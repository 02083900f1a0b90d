//! `GET /api/v1/sessions`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::Outcome;
use muster_contract::session::{ListNodeSessions, NodeSession, NodeSessionState};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::basic_auth::OptionalCaller;
use super::super::description::AnyFailure;
use super::answers::json;
use super::session_object::{SessionObject, is_active};
use crate::frame::{Failure, Ingress};

/// Sessions asked for at a time; the owner gives no more.
const PAGE: u32 = 500;

/// Several sessions.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionResultCollection {
    /// Always `get`.
    #[schema(example = "get")]
    action: &'static str,
    /// The sessions, by rising number.
    sessions: Vec<SessionObject>,
}

/// Lists active sessions
///
/// Those of the caller's tenant; all of them for an administrator and, as in Duffy, for whoever does not say who it is.
#[utoipa::path(
    get,
    path = "/api/v1/sessions",
    operation_id = "get_all_sessions",
    tag = "sessions",
    security((), ("HTTPBasic" = [])),
    responses((status = 200, description = "The sessions", body = SessionResultCollection), AnyFailure),
)]
pub(super) async fn list_sessions(
    State(ingress): State<Ingress>,
    OptionalCaller(caller): OptionalCaller,
) -> Result<Response, Failure> {
    let principal = caller.as_ref().map(|caller| caller.principal.as_ref());
    let mut query = ListNodeSessions {
        tenant: principal
            .filter(|principal| !principal.sees_all_tenants())
            .map(|principal| principal.project.clone()),
        states: NodeSessionState::ALL
            .into_iter()
            .filter(|state| is_active(*state))
            .collect(),
        limit: PAGE,
        ..ListNodeSessions::default()
    };
    let mut sessions: Vec<NodeSession> = Vec::new();
    loop {
        let page = match ingress.ask_for(principal, &query).await? {
            Outcome::Done(page) => page.sessions,
            Outcome::Refused(never) => match never {},
        };
        let Some(last) = page.last() else { break };
        query.after = last.number;
        sessions.extend(page);
    }
    let sessions = sessions
        .into_iter()
        .map(|session| SessionObject::new(session, &ingress.directory))
        .collect();
    let collection = SessionResultCollection {
        action: "get",
        sessions,
    };
    Ok(json(StatusCode::OK, &collection))
}
