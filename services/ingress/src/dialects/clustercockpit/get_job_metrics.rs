//! `POST /api/jobs/{id}`

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::description::WriteFailures;
use super::get_job::find;
use super::go_json::decode;
use super::job_data::{NamedMetric, named, usual};
use super::job_object::JobObject;
use super::path_number::{PathText, integer};
use super::writing::to_json;
use crate::frame::{Caller, Failure, Ingress, RequestBody};

/// Metrics in one request.
const METRICS_LIMIT: usize = 1_000;

/// A job and what was measured of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct JobMetricsResponse<'a> {
    /// The job, with its meta data.
    meta: JobObject<'a>,
    /// The metrics by name and scope.
    data: Vec<NamedMetric<'a>>,
}

/// Shows a job with metrics
///
/// Those that are named; with none named, all. One that was not measured is left out.
#[utoipa::path(
    post,
    path = "/api/jobs/{id}",
    operation_id = "get_job_metrics",
    tag = "query",
    params(("id" = i64, Path, description = "Number of the job in the archive")),
    request_body(content = Vec<String>, description = "Names of metrics; Content-Type is not looked at"),
    responses(
        (status = 200, description = "The job", body = JobMetricsResponse),
        (status = 422, description = "No such job", body = super::error::ErrorResponse),
        WriteFailures,
    ),
)]
pub(super) async fn get_job_metrics(
    State(ingress): State<Ingress>,
    caller: Caller,
    id: PathText,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let (id, text) = integer("id", id)?;
    let job = find(&ingress, &caller, id, &text).await?;
    let metrics: Vec<String> = decode(&body)
        .map_err(|error| Failure::invalid(format!("decoding request failed: {error}")))?;
    if metrics.len() > METRICS_LIMIT {
        return Err(Failure::invalid(format!(
            "{} metrics in one request, which may have {METRICS_LIMIT}",
            metrics.len()
        )));
    }
    let data = usual(&ingress, &caller, &job, metrics).await?;
    let body = to_json(&JobMetricsResponse {
        meta: JobObject::new(&job),
        data: named(&data),
    });
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}
