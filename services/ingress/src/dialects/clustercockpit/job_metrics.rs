//! `GET /api/jobs/metrics/{id}`

use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use muster_contract::job_archive::{JobMetrics, MetricScope};
use serde::Serialize;
use utoipa::ToSchema;

use super::description::AnyFailure;
use super::job_data::{NamedMetric, NoData, measured, named};
use super::path_number::{PathText, integer};
use super::writing::to_json;
use crate::frame::{Caller, Failure, Ingress};

/// What was measured, or why there is nothing. Both with the status 200.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MetricsResponse<'a> {
    /// `null` where there is nothing.
    data: Option<MetricsData<'a>>,
    /// `null` where there is something.
    error: Option<MetricsError>,
}

/// What was measured.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MetricsData<'a> {
    /// By name and scope.
    job_metrics: Vec<NamedMetric<'a>>,
}

/// Why there is nothing.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MetricsError {
    /// In words.
    message: String,
}

/// Shows what was measured of a job
///
/// That there is no such job is said with the status 200, as cc-backend does.
#[utoipa::path(
    get,
    path = "/api/jobs/metrics/{id}",
    operation_id = "job_metrics",
    tag = "query",
    params(
        ("id" = i64, Path, description = "Number of the job in the archive"),
        ("metric" = Option<Vec<String>>, Query, description = "Only this one; repeat it for more than one"),
        ("scope" = Option<Vec<String>>, Query, description = "Only in this scope (`node`, `socket`, `memoryDomain`, `core`, `hwthread`, `accelerator`); repeat it for more than one"),
    ),
    responses(
        (status = 200, description = "The metrics, or why there are none", body = MetricsResponse),
        AnyFailure,
    ),
)]
pub(super) async fn job_metrics(
    State(ingress): State<Ingress>,
    caller: Caller,
    id: PathText,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let (id, _) = integer("id", id)?;
    let question = question(id, query.as_deref().unwrap_or_default())?;
    let measured = measured(&ingress, &caller, &question).await?;
    let body = match &measured {
        Ok(data) => to_json(&MetricsResponse {
            data: Some(MetricsData {
                job_metrics: named(data),
            }),
            error: None,
        }),
        Err(why) => to_json(&MetricsResponse {
            data: None,
            error: Some(MetricsError {
                message: match why {
                    NoData::NoJob => "sql: no rows in result set".to_owned(),
                    NoData::Nothing(message) => message.clone(),
                },
            }),
        }),
    };
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}

fn question(id: i64, query: &str) -> Result<JobMetrics, Failure> {
    let mut question = JobMetrics {
        id,
        metrics: Vec::new(),
        scopes: Vec::new(),
    };
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "metric" => question.metrics.push(value.into_owned()),
            "scope" => {
                let scope = MetricScope::from_name(&value).ok_or_else(|| {
                    Failure::invalid(format!(
                        "unmarshaling scope failed: {value} is not a valid MetricScope"
                    ))
                })?;
                question.scopes.push(scope);
            }
            _ => {}
        }
    }
    Ok(question)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_and_scopes_may_be_repeated() {
        let asked = question(7, "metric=clock&scope=core&metric=a%20b&scope=hwthread&x=y").unwrap();
        assert_eq!(asked.metrics, ["clock", "a b"]);
        assert_eq!(
            asked.scopes,
            [MetricScope::Core, MetricScope::HardwareThread]
        );
        assert_eq!(
            question(7, "scope=rack").unwrap_err().message(),
            "unmarshaling scope failed: rack is not a valid MetricScope"
        );
    }
}
