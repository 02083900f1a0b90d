//! Sessions: under `/session` and, for clients before version 5, under `/kernel`.

mod create_session;
mod created_session;
mod creation;
mod destroy_session;
mod match_sessions;
mod restart_session;
mod service_ports;
mod session_info;
mod show_logs;
mod show_session;
mod show_task_logs;
mod statistics;
#[cfg(test)]
pub(super) mod test_session;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) use service_ports::ServicePort;
pub(super) use statistics::Statistics;

use super::at_old_path_too;
use crate::frame::Ingress;

/// Where sessions are made, besides `/session`.
const CREATION_PATHS: [&str; 3] = ["/session/create", "/kernel", "/kernel/create"];

pub(super) fn endpoints() -> OpenApiRouter<Ingress> {
    let creation = routes!(create_session::create_session);
    let methods = creation.2.clone();
    let router = CREATION_PATHS
        .into_iter()
        .fold(OpenApiRouter::new().routes(creation), |router, path| {
            router.route(path, methods.clone())
        });
    [
        routes!(
            show_session::show_session,
            destroy_session::destroy_session,
            restart_session::restart_session,
            super::code::execute_code::execute_code
        ),
        routes!(show_logs::show_logs),
        routes!(show_task_logs::show_task_logs),
        routes!(match_sessions::match_sessions),
    ]
    .into_iter()
    .fold(router, at_old_path_too)
}
