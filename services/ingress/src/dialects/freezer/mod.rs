//! Freezer, OpenStack's backup service: jobs that start together in sessions, and as much of Keystone as its clients need to
//! sign in. See `README.md` beside this file for where it differs from Freezer's own server, and why.

mod actions;
mod authentication;
mod backups;
mod body;
mod call;
mod clients;
mod description;
mod documents;
mod error;
mod identity;
mod jobs;
mod list_parameters;
mod refused;
mod sessions;
mod versions;

use axum::http::HeaderName;
use axum::http::header::ALLOW;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::path::PathItem;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::frame::{Dialect, Failure, FailureKind, Ingress};

pub(crate) use versions::{Version, all as versions};

/// The dialect.
pub(crate) static FREEZER: Dialect = Dialect {
    name: "freezer",
    document: "/openapi/freezer.json",
    owns,
    request_id: Some((HeaderName::from_static("x-openstack-request-id"), "req-")),
    authenticate: authentication::authenticate,
    challenge: "Keystone uri=\"/v3\"",
    render: error::render,
    routes: endpoints,
};

/// Where its paths begin.
const PREFIXES: [&str; 4] = ["/v1", "/v2", identity::PREFIX, "/healthcheck"];

/// Release 2, with the project in the path.
const V2: &str = "/v2/{project_id}";

/// Release 1, of the project that the caller's token is for.
const V1: &str = "/v1";

fn owns(path: &str) -> bool {
    PREFIXES
        .into_iter()
        .filter_map(|prefix| path.strip_prefix(prefix))
        .any(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn endpoints() -> OpenApiRouter<Ingress> {
    OpenApiRouter::with_openapi(description::document())
        .merge(versions::endpoints())
        .merge(identity::endpoints())
        .merge(sessions::endpoints())
        .merge(jobs::endpoints())
        .merge(actions::endpoints())
        .merge(clients::endpoints())
        .merge(backups::endpoints())
}

/// The routes at their path in release 2, which is described, and at the others that stand for it: clients put a slash at the
/// end of some, and older ones use release 1.
fn in_all_forms(
    router: OpenApiRouter<Ingress>,
    added: UtoipaMethodRouter<Ingress>,
) -> OpenApiRouter<Ingress> {
    let (schemas, paths, methods) = added;
    let others: Vec<String> = paths
        .paths
        .keys()
        .flat_map(|path| other_forms(path))
        .collect();
    let methods = match paths.paths.values().find(|item| item.get.is_some()) {
        Some(item) => methods.head(no_head(allowed(item))),
        None => methods,
    };
    let described = router.routes((schemas, paths, methods.clone()));
    others.into_iter().fold(described, |router, path| {
        router.route(&path, methods.clone())
    })
}

/// A HEAD is no GET to Freezer: its filter would be in a body that a HEAD cannot have.
fn no_head(
    allowed: String,
) -> impl Fn() -> std::future::Ready<Response> + Clone + Send + Sync + 'static {
    move || {
        let failure = Failure::new(
            FailureKind::MethodNotAllowed,
            "this path does not know HEAD",
        );
        std::future::ready(([(ALLOW, allowed.clone())], failure).into_response())
    }
}

/// The methods that a path knows, as the header `Allow` has them.
fn allowed(item: &PathItem) -> String {
    let methods = [
        ("GET", &item.get),
        ("POST", &item.post),
        ("PUT", &item.put),
        ("PATCH", &item.patch),
        ("DELETE", &item.delete),
    ];
    let known = methods
        .into_iter()
        .filter_map(|(name, operation)| operation.as_ref().map(|_| name));
    known.collect::<Vec<_>>().join(",")
}

fn other_forms(path: &str) -> [String; 3] {
    let rest = path.strip_prefix(V2).unwrap_or(path);
    [
        format!("{path}/"),
        format!("{V1}{rest}"),
        format!("{V1}{rest}/"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owns_its_own_paths_and_nothing_else() {
        for path in [
            "/v1",
            "/v1/",
            "/v1/sessions",
            "/v2",
            "/v2/demo/jobs/",
            "/v2/demo/nowhere",
            "/v3",
            "/v3/auth/tokens",
            "/healthcheck",
        ] {
            assert!(owns(path), "{path}");
        }
        for path in [
            "/",
            "",
            "/v",
            "/v10",
            "/v4",
            "/v2x/demo",
            "/api/v1/sessions",
            "/healthz",
            "/healthchecks",
            "/session",
        ] {
            assert!(!owns(path), "{path}");
        }
    }

    #[test]
    fn every_path_has_four_forms() {
        assert_eq!(
            other_forms("/v2/{project_id}/sessions/{session_id}"),
            [
                "/v2/{project_id}/sessions/{session_id}/",
                "/v1/sessions/{session_id}",
                "/v1/sessions/{session_id}/",
            ]
        );
    }
}
