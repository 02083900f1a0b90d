//! `GET /api/jobs/{id}`

use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use muster_contract::Outcome;
use muster_contract::job_archive::{FindJob, FindJobRefusal, Job, JobData};
use serde::Serialize;
use utoipa::ToSchema;

use super::description::AnyFailure;
use super::job_data::usual;
use super::job_object::JobObject;
use super::path_number::{PathText, integer};
use super::writing::to_json;
use crate::frame::{Caller, Failure, FailureKind, Ingress};

/// A job and what was measured of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct JobResponse<'a> {
    /// The job, with its meta data.
    meta: JobObject<'a>,
    /// Metric, then scope; `null` unless asked for.
    #[schema(value_type = Option<Object>)]
    data: Option<JobData>,
}

/// Shows a job
#[utoipa::path(
    get,
    path = "/api/jobs/{id}",
    operation_id = "get_job",
    tag = "query",
    params(
        ("id" = i64, Path, description = "Number of the job in the archive"),
        ("all-metrics" = Option<bool>, Query, description = "`true`: with what was measured"),
    ),
    responses(
        (status = 200, description = "The job", body = JobResponse),
        (status = 422, description = "No such job", body = super::error::ErrorResponse),
        AnyFailure,
    ),
)]
pub(super) async fn get_job(
    State(ingress): State<Ingress>,
    caller: Caller,
    id: PathText,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let (id, text) = integer("id", id)?;
    let job = find(&ingress, &caller, id, &text).await?;
    let query = query.unwrap_or_default();
    let mut parameters = form_urlencoded::parse(query.as_bytes());
    let all = parameters.any(|(name, value)| name == "all-metrics" && value == "true");
    let data = if all {
        Some(usual(&ingress, &caller, &job, Vec::new()).await?)
    } else {
        None
    };
    let body = to_json(&JobResponse {
        meta: JobObject::new(&job),
        data,
    });
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}

/// The job of that number, if the caller may see it. `text` is how the client wrote the number.
pub(super) async fn find(
    ingress: &Ingress,
    caller: &Caller,
    id: i64,
    text: &str,
) -> Result<Job, Failure> {
    match ingress.ask(caller, &FindJob { id }).await? {
        Outcome::Done(job) => Ok(job),
        Outcome::Refused(FindJobRefusal::NotFound) => Err(Failure::new(
            FailureKind::Unprocessable,
            format!("finding job with db id {text} failed: sql: no rows in result set"),
        )),
    }
}
