//! What there is: `GET /v1/`, `GET /v2/`, `GET /healthcheck`, and the versions in `GET /`, which other dialects have a part in.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::json as to_json;
use crate::frame::Ingress;

/// A version of an API of OpenStack.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Version {
    /// Its name.
    #[schema(example = "v2")]
    id: &'static str,
    /// `CURRENT`, `SUPPORTED`; of Keystone's `stable`.
    #[schema(example = "CURRENT")]
    status: &'static str,
    /// When it last changed.
    updated: &'static str,
    /// Where it is.
    links: Vec<Link>,
}

/// Where a version is.
#[derive(Debug, Serialize, ToSchema)]
struct Link {
    /// `self`.
    #[schema(example = "self")]
    rel: &'static str,
    /// The address.
    href: String,
}

/// Freezer's versions, and Keystone's, so that the address of the server alone is enough for a client to sign in.
pub(crate) fn all(root: &str) -> Vec<Version> {
    vec![
        version(root, "v1", "SUPPORTED", "2016-06-01T00:00:00Z", "/v1/"),
        version(root, "v2", "CURRENT", "2018-06-01T00:00:00Z", "/v2/"),
        identity(root),
    ]
}

/// Keystone's.
pub(super) fn identity(root: &str) -> Version {
    version(root, "v3.14", "stable", "2020-04-07T00:00:00Z", "/v3/")
}

fn version(
    root: &str,
    id: &'static str,
    status: &'static str,
    updated: &'static str,
    path: &str,
) -> Version {
    Version {
        id,
        status,
        updated,
        links: vec![Link {
            rel: "self",
            href: format!("{root}{path}"),
        }],
    }
}

pub(super) fn endpoints() -> OpenApiRouter<Ingress> {
    let home = routes!(home);
    let methods = home.2.clone();
    let at = |router: OpenApiRouter<Ingress>, path| router.route(path, methods.clone());
    let router = OpenApiRouter::new()
        .routes(home)
        .routes(routes!(healthcheck));
    ["/v2", "/v1", "/v1/"].into_iter().fold(router, at)
}

/// What can be asked for
///
/// As JSON Home. Also at `/v1/`.
#[utoipa::path(
    get,
    path = "/v2/",
    operation_id = "home",
    tag = "versions",
    security(()),
    responses((status = 200, description = "The resources", content_type = "application/json-home")),
)]
pub(super) async fn home() -> Response {
    let project = json!({"project_id": "param/project_id"});
    let resource = |path: &str| json!({"href-template": path, "href-vars": project, "hints": {"allow": ["GET"]}});
    let resources = json!({"resources": {
        "rel/backups": resource("/v2/{project_id}/backups"),
        "rel/clients": resource("/v2/{project_id}/clients"),
        "rel/actions": resource("/v2/{project_id}/actions"),
        "rel/jobs": resource("/v2/{project_id}/jobs"),
        "rel/sessions": resource("/v2/{project_id}/sessions"),
    }});
    let headers = [(CONTENT_TYPE, "application/json-home")];
    (StatusCode::OK, headers, to_json(&resources)).into_response()
}

/// Whether the server lives
///
/// For load balancers set up for Freezer; `/readyz` says more.
#[utoipa::path(
    get,
    path = "/healthcheck",
    operation_id = "healthcheck",
    tag = "versions",
    security(()),
    responses((status = 200, description = "It does", content_type = "text/plain", body = String)),
)]
pub(super) async fn healthcheck() -> &'static str {
    "OK"
}
