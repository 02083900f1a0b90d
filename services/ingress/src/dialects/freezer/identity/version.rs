//! `GET /v3`

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::body::answer;
use super::super::versions::{Version, identity};
use crate::frame::PublicRoot;

/// The version.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OneVersion {
    /// The version.
    version: Version,
}

/// The version of the identity API
///
/// Clients look here before they sign in.
#[utoipa::path(
    get,
    path = "/v3",
    operation_id = "identity_version",
    tag = "identity",
    security(()),
    responses((status = 200, description = "The version", body = OneVersion)),
)]
pub(super) async fn version(PublicRoot(root): PublicRoot) -> Response {
    let version = identity(&root);
    answer(StatusCode::OK, &OneVersion { version })
}
