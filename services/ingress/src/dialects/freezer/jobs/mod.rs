//! Jobs: what is to be done when, and by which client.

mod create_job;
mod delete_job;
mod list_jobs;
mod replace_job;
mod show_job;
mod signal_job;
mod update_job;

use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use super::in_all_forms;
use crate::frame::Ingress;

pub(super) fn endpoints() -> OpenApiRouter<Ingress> {
    let routes: [UtoipaMethodRouter<Ingress>; 3] = [
        routes!(list_jobs::list_jobs, create_job::create_job),
        routes!(
            show_job::show_job,
            replace_job::replace_job,
            update_job::update_job,
            delete_job::delete_job
        ),
        routes!(signal_job::signal_job),
    ];
    routes.into_iter().fold(OpenApiRouter::new(), in_all_forms)
}
