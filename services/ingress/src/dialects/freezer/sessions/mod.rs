//! Sessions: jobs that start together.

mod act_on_session;
mod action_request;
mod add_job;
mod create_session;
mod delete_session;
mod list_runs;
mod list_sessions;
mod remove_job;
mod replace_session;
mod run_object;
mod session_request;
mod show_run;
mod show_session;
mod update_session;

use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use super::in_all_forms;
use crate::frame::Ingress;

pub(super) fn endpoints() -> OpenApiRouter<Ingress> {
    let routes: [UtoipaMethodRouter<Ingress>; 6] = [
        routes!(list_sessions::list_sessions, create_session::create_session),
        routes!(
            show_session::show_session,
            replace_session::replace_session,
            update_session::update_session,
            delete_session::delete_session
        ),
        routes!(act_on_session::act_on_session),
        routes!(add_job::add_job, remove_job::remove_job),
        routes!(list_runs::list_runs),
        routes!(show_run::show_run),
    ];
    routes.into_iter().fold(OpenApiRouter::new(), in_all_forms)
}
