//! `GET /v2/{project_id}/sessions/{session_id}/runs`

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::Outcome;
use muster_contract::session::{JobSessionRefusal, ListSessionRuns};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::body::{answer, nothing_there};
use super::super::call::Call;
use super::super::description::{AnyFailure, ProjectParameter};
use super::super::list_parameters::{Page, PageParameters};
use super::super::refused;
use super::run_object::RunObject;
use crate::frame::{Failure, Ingress};

/// Runs of a session.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RunList {
    /// The runs, the last one first.
    runs: Vec<RunObject>,
}

/// Lists the runs of a session
///
/// The last one first; also of a session that was deleted. A page may have fewer than `limit`, if the runs have many jobs: the
/// last page is the one that is empty. (Not in Freezer.)
#[utoipa::path(
    get,
    path = "/v2/{project_id}/sessions/{session_id}/runs",
    operation_id = "list_runs",
    tag = "sessions",
    params(ProjectParameter, ("session_id" = String, Path, description = "The session"), PageParameters),
    responses(
        (status = 200, description = "The runs", body = RunList),
        (status = 404, description = "There never was such a session; the answer is empty"),
        AnyFailure,
    ),
)]
pub(super) async fn list_runs(
    State(ingress): State<Ingress>,
    call: Call,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let page = Page::of_query(query.as_deref())?;
    let query = ListSessionRuns {
        tenant: call.tenant.clone(),
        session_id: call.id("session_id")?,
        tag: None,
        offset: page.offset,
        limit: page.limit,
    };
    match ingress.ask(&call.caller, &query).await? {
        Outcome::Done(page) => {
            let runs = page.runs.into_iter().map(RunObject::from).collect();
            Ok(answer(StatusCode::OK, &RunList { runs }))
        }
        Outcome::Refused(JobSessionRefusal::UnknownSession) => Ok(nothing_there()),
        Outcome::Refused(refusal) => Err(refused::session(refusal)),
    }
}
