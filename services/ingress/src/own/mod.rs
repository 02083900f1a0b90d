//! Muster's own endpoints: what it is, how it is, what it can do. Nobody has to say who they are.

mod asyncapi;
mod description;
mod documents;
mod health;
mod metrics;
mod problem;
mod root;

use std::sync::Arc;

use axum::http::request::Parts;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use muster_contract::Principal;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::frame::{Dialect, Failure, FailureKind, Ingress};

pub(crate) use documents::pages;

/// Our own API, and the owner of every path that is no dialect's.
pub(crate) static OWN: Dialect = Dialect {
    name: "muster",
    document: "/openapi/muster.json",
    owns: |_| true,
    request_id: None,
    authenticate: nobody,
    challenge: "Bearer realm=\"muster\"",
    render: problem::render,
    routes: endpoints,
};

/// Where all of our own endpoints are too, apart from everything that a foreign API may ever have.
const VERSIONED: &str = "/muster/v1";

fn endpoints() -> OpenApiRouter<Ingress> {
    OpenApiRouter::with_openapi(description::document())
        .routes(routes!(root::root))
        .merge(operating())
        .nest(VERSIONED, versioned())
}

fn operating() -> OpenApiRouter<Ingress> {
    OpenApiRouter::new()
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(metrics::metrics))
        .routes(routes!(documents::document))
        .routes(routes!(asyncapi::asyncapi_document))
}

/// The same endpoints under names of their own: within a document they have to differ.
fn versioned() -> OpenApiRouter<Ingress> {
    let mut router = operating();
    for item in router.get_openapi_mut().paths.paths.values_mut() {
        if let Some(operation) = &mut item.get
            && let Some(id) = &mut operation.operation_id
        {
            id.insert_str(0, "v1_");
        }
    }
    router
}

/// None of these endpoints asks who calls.
fn nobody<'a>(_: &'a Ingress, _: &'a Parts) -> BoxFuture<'a, Result<Arc<Principal>, Failure>> {
    let failure = Failure::new(FailureKind::Unauthenticated, "nobody can sign in here");
    std::future::ready(Err(failure)).boxed()
}
