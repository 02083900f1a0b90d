//! All endpoints of all dialects on one port (design §8).

use axum::Router;
use axum::middleware::from_fn_with_state;

use super::answering::answer;
use super::{Failure, FailureKind, Ingress};
use crate::{dialects, own};

/// The endpoints, with the frame around them.
pub(super) fn router(ingress: Ingress) -> Router {
    dialects::with_own()
        .map(|dialect| Router::from((dialect.routes)()))
        .fold(own::pages(), Router::merge)
        .fallback(nothing_there)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(ingress.clone(), answer))
        .with_state(ingress)
}

async fn nothing_there() -> Failure {
    Failure::new(FailureKind::NotFound, "there is nothing at this path")
}

async fn wrong_method() -> Failure {
    Failure::new(
        FailureKind::MethodNotAllowed,
        "this path does not know the method; the header Allow says which it does",
    )
}
