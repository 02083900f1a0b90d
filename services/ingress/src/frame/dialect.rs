//! What the frame needs to know of a dialect. A dialect is a folder under `dialects/` that fills in
//! one of these, and a line in [`crate::dialects::ALL`].

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode};
use futures_util::future::BoxFuture;
use muster_contract::Principal;
use utoipa_axum::router::OpenApiRouter;

use super::{Failure, Ingress};

/// One foreign HTTP API, or our own.
#[derive(Debug)]
pub(crate) struct Dialect {
    /// In logs and metrics.
    pub(crate) name: &'static str,
    /// Path of its OpenAPI document, `/openapi/<name>.json`.
    pub(crate) document: &'static str,
    /// Whether a path belongs to it, also one that leads nowhere.
    pub(crate) owns: fn(path: &str) -> bool,
    /// Another header by which its clients know a request, and what stands before the id there.
    pub(crate) request_id: Option<(HeaderName, &'static str)>,
    /// Who calls. (A future, because some APIs leave that to another server.)
    pub(crate) authenticate: Authenticate,
    /// How to authenticate, told to those who did not: the header `WWW-Authenticate`.
    pub(crate) challenge: &'static str,
    /// A failure in its own form.
    pub(crate) render: fn(&Failure, &Occasion<'_>) -> Rendered,
    /// Its endpoints and their description.
    pub(crate) routes: fn() -> OpenApiRouter<Ingress>,
}

/// Finds out who calls, from everything of a request but its body.
pub(crate) type Authenticate =
    for<'a> fn(&'a Ingress, &'a Parts) -> BoxFuture<'a, Result<Arc<Principal>, Failure>>;

/// On which occasion a failure is rendered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Occasion<'a> {
    /// The request's id.
    pub(crate) request_id: &'a str,
    /// Path of the request.
    pub(crate) path: &'a str,
}

/// A failure in the form of a dialect.
#[derive(Debug)]
pub(crate) struct Rendered {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// Of the body.
    pub(crate) content_type: &'static str,
    /// What the client reads.
    pub(crate) body: Bytes,
}
