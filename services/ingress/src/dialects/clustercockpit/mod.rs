//! ClusterCockpit's REST API for job archives, as a superset of its releases from 2023 to 2026: see
//! `README.md` beside this file for where they differ and which side is taken.

mod description;
mod error;
mod go_json;
mod go_numbers;
mod job_meta;
mod job_object;
mod list_jobs;
mod roles;
mod start_job;
mod stop_job;
mod stop_job_by_id;
mod stop_request;
mod write_metrics;
mod writing;

use axum::routing::{get, post};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::frame::{Dialect, Ingress};

/// The dialect.
pub(crate) static CLUSTERCOCKPIT: Dialect = Dialect {
    name: "clustercockpit",
    document: "/openapi/clustercockpit.json",
    owns,
    request_id: None,
    authenticate: roles::authenticate,
    challenge: "Bearer realm=\"muster\"",
    render: error::render,
    routes: endpoints,
};

fn owns(path: &str) -> bool {
    path.strip_prefix("/api")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The endpoints. Early releases redirect a path without the slash at its end to the one with it,
/// upon which most clients turn a POST into a GET; here both are served.
fn endpoints() -> OpenApiRouter<Ingress> {
    OpenApiRouter::with_openapi(description::document())
        .routes(routes!(list_jobs::list_jobs))
        .routes(routes!(start_job::start_job))
        .routes(routes!(stop_job::stop_job))
        .routes(routes!(stop_job_by_id::stop_job_by_id))
        .routes(routes!(write_metrics::write_metrics))
        .route("/api/write/", post(write_metrics::write_metrics))
        .route("/api/jobs", get(list_jobs::list_jobs))
        .route(
            "/api/jobs/start_job",
            post(start_job::start_job).put(start_job::start_job),
        )
        .route(
            "/api/jobs/stop_job",
            post(stop_job::stop_job).put(stop_job::stop_job),
        )
        .route(
            "/api/jobs/stop_job/{id}/",
            post(stop_job_by_id::stop_job_by_id).put(stop_job_by_id::stop_job_by_id),
        )
}
