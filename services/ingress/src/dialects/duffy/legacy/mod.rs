//! The legacy API: everything stands in the query, every call is a GET.

mod answers;
mod call;
mod inventory;
mod node_done;
mod node_fail;
mod node_get;
mod node_request;
mod parameters;
mod refused;
mod session_done;
mod session_get;
mod session_reference;

use axum::http::header::ALLOW;
use axum::response::{IntoResponse, Response};
use axum::routing::head;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::frame::{Failure, FailureKind, Ingress};

/// Where it has its endpoints.
pub(super) const PATHS: [&str; 3] = ["/Node", "/Session", "/Inventory"];

/// What changes something. These are GETs too, but a HEAD, which is sent to have a look, does nothing here.
const WRITES: [&str; 5] = [
    "/Node/get",
    "/Node/done",
    "/Node/fail",
    "/Session/get",
    "/Session/done",
];

/// The endpoints.
pub(super) fn endpoints() -> OpenApiRouter<Ingress> {
    let endpoints = OpenApiRouter::new()
        .routes(routes!(node_get::node_get))
        .routes(routes!(node_done::node_done))
        .routes(routes!(node_fail::node_fail))
        .routes(routes!(session_get::session_get))
        .routes(routes!(session_done::session_done))
        .routes(routes!(inventory::inventory));
    WRITES.into_iter().fold(endpoints, |endpoints, path| {
        endpoints.route(path, head(only_get))
    })
}

async fn only_get() -> Response {
    let failure = Failure::new(FailureKind::MethodNotAllowed, "this call is a GET alone");
    ([(ALLOW, "GET")], failure).into_response()
}
