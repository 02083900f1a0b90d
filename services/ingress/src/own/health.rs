//! `GET /healthz` and `GET /readyz`

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::frame::Ingress;

/// The process lives.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Alive {
    /// Always `alive`.
    #[schema(example = "alive")]
    status: &'static str,
}

/// How the process is.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "a description of muster_platform::HealthSnapshot")]
pub(super) struct Readiness {
    /// Whether every component serves.
    ready: bool,
    /// The components by name.
    components: BTreeMap<String, Component>,
}

/// How one component is.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "a description of muster_platform::ComponentState")]
struct Component {
    /// `starting`, `ready`, `degraded` or `down`.
    #[schema(example = "ready")]
    state: String,
    /// Why it is degraded or down.
    reason: Option<String>,
}

/// Whether the process lives
///
/// For whoever restarts processes: it lives if it answers.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "healthz",
    tag = "operating",
    responses((status = 200, description = "It lives", body = Alive)),
)]
pub(super) async fn healthz() -> Json<Alive> {
    Json(Alive { status: "alive" })
}

/// Whether the process can serve
///
/// For whoever sends it requests.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "readyz",
    tag = "operating",
    responses(
        (status = 200, description = "Every component serves", body = Readiness),
        (status = 503, description = "Some component does not", body = Readiness),
    ),
)]
pub(super) async fn readyz(State(ingress): State<Ingress>) -> Response {
    let snapshot = ingress.health.snapshot();
    let status = if snapshot.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(snapshot)).into_response()
}
