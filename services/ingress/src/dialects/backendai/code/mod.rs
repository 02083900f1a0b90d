//! Code that is run in a session.

pub(super) mod execute_code;
mod interrupt_code;
mod request;
mod run;
mod stream_execute;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::at_old_path_too;
use crate::frame::Ingress;

pub(super) fn endpoints() -> OpenApiRouter<Ingress> {
    [
        routes!(interrupt_code::interrupt_code),
        routes!(stream_execute::stream_execute),
    ]
    .into_iter()
    .fold(OpenApiRouter::new(), at_old_path_too)
}
