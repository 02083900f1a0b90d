//! `GET /session/_/match`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::Outcome;
use muster_contract::session::MatchComputeSessions;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::super::body::answer;
use super::super::call::Call;
use super::super::description::{AnyFailure, OwnerParameter};
use super::super::fields::wrong;
use super::super::refused;
use super::super::session_name::NAME_LIMIT;
use crate::frame::{Failure, Ingress};

/// Sessions that begin like that.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Matches {
    /// Each with `id`, `name` and `status`.
    #[schema(value_type = Vec<Object>)]
    matches: Value,
}

/// What to look for.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description; the query is read by hand")]
pub(super) struct MatchParameters {
    /// How the id or the name begins.
    id: String,
}

/// Finds sessions by how they begin
///
/// Those that are not over, the newest first.
#[utoipa::path(
    get,
    path = "/session/_/match",
    operation_id = "match_sessions",
    tag = "sessions",
    params(MatchParameters, OwnerParameter),
    responses((status = 200, description = "They may be none", body = Matches), AnyFailure),
)]
pub(super) async fn match_sessions(
    State(ingress): State<Ingress>,
    call: Call,
) -> Result<Response, Failure> {
    let prefix = call.query.get(&["id"]).unwrap_or_default();
    if prefix.is_empty() || prefix.len() > NAME_LIMIT || prefix.contains('\0') {
        let problem = format!("has to be 1 to {NAME_LIMIT} characters");
        return Err(wrong("id", &problem));
    }
    let query = MatchComputeSessions {
        owner: call.owner(&ingress)?.access_key.clone(),
        prefix: prefix.to_owned(),
    };
    let Outcome::Done(found) = ingress.ask(&call.caller, &query).await?;
    let matches = refused::matches(&found.matches);
    Ok(answer(StatusCode::OK, &Matches { matches }))
}
