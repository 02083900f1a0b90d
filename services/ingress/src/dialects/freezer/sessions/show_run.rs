//! `GET /v2/{project_id}/sessions/{session_id}/runs/{tag}`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::Outcome;
use muster_contract::session::{JobSessionRefusal, ListSessionRuns};

use super::super::body::{answer, nothing_there};
use super::super::call::Call;
use super::super::description::{AnyFailure, ProjectParameter};
use super::super::refused;
use super::run_object::RunObject;
use crate::frame::{Failure, Ingress};

/// Shows a run of a session
///
/// Which jobs are the snapshot of that tag. (Not in Freezer.)
#[utoipa::path(
    get,
    path = "/v2/{project_id}/sessions/{session_id}/runs/{tag}",
    operation_id = "show_run",
    tag = "sessions",
    params(
        ProjectParameter,
        ("session_id" = String, Path, description = "The session"),
        ("tag" = i64, Path, description = "Tag of the run"),
    ),
    responses(
        (status = 200, description = "The run", body = RunObject),
        (status = 404, description = "There was no such run; the answer is empty"),
        AnyFailure,
    ),
)]
pub(super) async fn show_run(
    State(ingress): State<Ingress>,
    call: Call,
) -> Result<Response, Failure> {
    let query = ListSessionRuns {
        tenant: call.tenant.clone(),
        session_id: call.id("session_id")?,
        tag: Some(call.number("tag")?),
        offset: 0,
        limit: 1,
    };
    match ingress.ask(&call.caller, &query).await? {
        Outcome::Done(page) => Ok(page
            .runs
            .into_iter()
            .next()
            .map_or_else(nothing_there, |run| {
                answer(StatusCode::OK, &RunObject::from(run))
            })),
        Outcome::Refused(JobSessionRefusal::UnknownSession) => Ok(nothing_there()),
        Outcome::Refused(refusal) => Err(refused::session(refusal)),
    }
}
