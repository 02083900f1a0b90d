//! `GET /v2/{project_id}/jobs`

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::session::{Document, ListBackupJobs};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::body::answer;
use super::super::call::Call;
use super::super::description::{AnyFailure, ProjectParameter};
use super::super::documents::list;
use super::super::list_parameters::{Filter, Page, PageParameters, filter};
use crate::frame::{Failure, Ingress, RequestBody};

/// A page of jobs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct JobList {
    /// The jobs, in the order in which they were made.
    #[schema(value_type = Vec<Object>)]
    jobs: Vec<Document>,
}

/// Lists jobs
///
/// Schedulers look here for what to do.
#[utoipa::path(
    get,
    path = "/v2/{project_id}/jobs",
    operation_id = "list_jobs",
    tag = "jobs",
    params(ProjectParameter, PageParameters),
    request_body(content = inline(Option<Filter>), description = "Which of them"),
    responses((status = 200, description = "The jobs", body = JobList), AnyFailure),
)]
pub(super) async fn list_jobs(
    State(ingress): State<Ingress>,
    call: Call,
    RawQuery(query): RawQuery,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let page = Page::of_query(query.as_deref())?;
    let query = ListBackupJobs {
        tenant: page.tenant(&call)?,
        job_id: None,
        filter: filter(&body)?,
        offset: page.offset,
        limit: page.limit,
    };
    let jobs = list(&ingress, &call, &query).await?;
    Ok(answer(StatusCode::OK, &JobList { jobs }))
}
