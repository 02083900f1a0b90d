//! `GET /metrics`

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use muster_telemetry::metrics::TEXT_CONTENT_TYPE;

use crate::frame::{Failure, Ingress};

/// The metrics of the process
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "metrics",
    tag = "operating",
    responses((status = 200, description = "In the text form of Prometheus", body = String, content_type = "text/plain")),
)]
pub(super) async fn metrics(State(ingress): State<Ingress>) -> Result<Response, Failure> {
    let text = ingress
        .metrics
        .text()
        .map_err(|error| Failure::broken(error.to_string()))?;
    Ok(([(CONTENT_TYPE, TEXT_CONTENT_TYPE)], text).into_response())
}
