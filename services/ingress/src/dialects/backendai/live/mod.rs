//! Calls that stay open: events as they happen.

mod session_event;
mod session_events;

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::frame::{Failure, FailureKind, Ingress};

/// Where clients before version 5 look for events.
const OLD_EVENT_PATHS: [&str; 2] = ["/stream/kernel/_/events", "/stream/session/_/events"];

pub(super) fn endpoints() -> OpenApiRouter<Ingress> {
    let events = routes!(session_events::session_events);
    let methods = events.2.clone();
    OLD_EVENT_PATHS
        .into_iter()
        .fold(OpenApiRouter::new().routes(events), |router, path| {
            router.route(path, methods.clone())
        })
}

/// A place for a call that stays open.
pub(super) fn place(ingress: &Ingress) -> Result<OwnedSemaphorePermit, Failure> {
    Arc::clone(&ingress.live).try_acquire_owned().map_err(|_| {
        let message = "too many listen already; try again";
        Failure::new(FailureKind::Unavailable, message)
    })
}
