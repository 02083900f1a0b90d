//! Backend.AI: compute sessions, as the clients of its releases 19.09 to today use them. See `README.md` beside this file for where
//! Muster differs from Backend.AI's own manager, and why.

mod authentication;
mod body;
mod call;
mod client_token;
mod code;
mod description;
mod error;
mod fields;
mod graphql;
mod live;
mod manager;
mod query;
mod refused;
mod request_date;
mod session_name;
mod sessions;
mod signature;
mod version;

use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::frame::{Dialect, Ingress};

pub(crate) use graphql::sdl;
pub(crate) use version::CURRENT as VERSION;

/// The dialect.
pub(crate) static BACKENDAI: Dialect = Dialect {
    name: "backendai",
    document: "/openapi/backendai.json",
    owns,
    request_id: None,
    authenticate: authentication::authenticate,
    challenge: "BackendAI",
    render: error::render,
    routes: endpoints,
};

/// Where its paths begin, also those that lead nowhere here: their clients read problem documents.
const PREFIXES: [&str; 10] = [
    "/session",
    "/kernel",
    "/stream",
    "/events",
    "/manager",
    "/admin",
    "/auth",
    "/resource",
    "/scaling-groups",
    "/folders",
];

fn owns(path: &str) -> bool {
    PREFIXES
        .into_iter()
        .filter_map(|prefix| path.strip_prefix(prefix))
        .any(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn endpoints() -> OpenApiRouter<Ingress> {
    OpenApiRouter::with_openapi(description::document())
        .merge(sessions::endpoints())
        .merge(code::endpoints())
        .merge(live::endpoints())
        .merge(graphql::endpoints())
        .merge(manager::endpoints())
}

/// The routes at their path, which is described, and at the one of clients before version 5.
fn at_old_path_too(
    router: OpenApiRouter<Ingress>,
    added: UtoipaMethodRouter<Ingress>,
) -> OpenApiRouter<Ingress> {
    let (schemas, paths, methods) = added;
    let old: Vec<String> = paths.paths.keys().map(|path| old_path(path)).collect();
    let described = router.routes((schemas, paths, methods.clone()));
    old.into_iter().fold(described, |router, path| {
        router.route(&path, methods.clone())
    })
}

fn old_path(path: &str) -> String {
    path.replacen("/session/", "/kernel/", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owns_its_own_paths_and_nothing_else() {
        for path in [
            "/session",
            "/session/",
            "/session/x/logs",
            "/kernel/create",
            "/stream/session/x/execute",
            "/events/session",
            "/admin/graphql",
            "/manager/announcement",
            "/auth/nowhere",
        ] {
            assert!(owns(path), "{path}");
        }
        for path in [
            "/",
            "",
            "/Session/get",
            "/sessions",
            "/v1/sessions",
            "/authx",
            "/api/v1/sessions",
        ] {
            assert!(!owns(path), "{path}");
        }
    }

    #[test]
    fn what_is_at_an_older_path() {
        for (path, old) in [
            ("/session/{session}", "/kernel/{session}"),
            ("/session/_/match", "/kernel/_/match"),
            (
                "/stream/session/{session}/execute",
                "/stream/kernel/{session}/execute",
            ),
        ] {
            assert_eq!(old_path(path), old);
        }
    }
}
