//! Duffy, the lender of nodes of `CentOS` CI: its legacy API of 2014 to 2022, with the sessions that were announced for it
//! in 2015, and the API of release 3. See `README.md` beside this file for what is answered when, and why.

mod basic_auth;
mod description;
mod error;
mod job_reference;
mod legacy;
mod limits;
mod patience;
mod v1;
mod waiting_for_nodes;

use utoipa_axum::router::OpenApiRouter;

use crate::frame::{Dialect, Ingress};

/// The dialect.
pub(crate) static DUFFY: Dialect = Dialect {
    name: "duffy",
    document: "/openapi/duffy.json",
    owns,
    request_id: None,
    authenticate: basic_auth::authenticate,
    challenge: "Basic realm=\"duffy\", charset=\"UTF-8\"",
    render: error::render,
    routes: endpoints,
};

/// Where release 3 has its endpoints; another dialect has the rest of `/api`.
const V1: [&str; 4] = [
    "/api/v1/sessions",
    "/api/v1/pools",
    "/api/v1/nodes",
    "/api/v1/tenants",
];

fn owns(path: &str) -> bool {
    legacy::PATHS
        .into_iter()
        .chain(V1)
        .filter_map(|prefix| path.strip_prefix(prefix))
        .any(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn endpoints() -> OpenApiRouter<Ingress> {
    OpenApiRouter::with_openapi(description::document())
        .merge(legacy::endpoints())
        .merge(v1::endpoints())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owns_its_own_paths_and_nothing_else() {
        for path in [
            "/Node/get",
            "/Node",
            "/Session/nowhere",
            "/Inventory",
            "/Inventory/",
            "/api/v1/sessions",
            "/api/v1/pools/x/y",
            "/api/v1/nodes/",
            "/api/v1/tenants/1",
        ] {
            assert!(owns(path), "{path}");
        }
        for path in [
            "/Nodes",
            "/node/get",
            "/session",
            "/api",
            "/api/v1",
            "/api/v1/sessionsx",
            "/api/v1/jobs",
            "/api/jobs/",
            "/v1/sessions",
            "/",
            "",
        ] {
            assert!(!owns(path), "{path}");
        }
    }
}
