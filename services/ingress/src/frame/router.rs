//! All endpoints of all dialects on one port (design §8).

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;

use super::answering::{Answering, answer};
use super::{Failure, FailureKind, Ingress};
use crate::{dialects, own};

/// All of them.
pub(super) fn router(ingress: Ingress) -> Router {
    let answering = Answering {
        ids: Arc::clone(&ingress.environment.ids),
        metrics: ingress.metrics.clone(),
    };
    let endpoints = dialects::with_own()
        .map(|dialect| Router::from((dialect.routes)()))
        .fold(own::pages(), Router::merge);
    framed(endpoints, answering).with_state(ingress)
}

/// The endpoints with the frame around them.
pub(super) fn framed<S: Clone + Send + Sync + 'static>(
    endpoints: Router<S>,
    answering: Answering,
) -> Router<S> {
    endpoints
        .fallback(nothing_there)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(answering, answer))
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
