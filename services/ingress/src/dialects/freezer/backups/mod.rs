//! Backups that were made.

mod create_backup;
mod delete_backup;
mod list_backups;
mod show_backup;
mod update_backup;

use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use super::in_all_forms;
use crate::frame::Ingress;

pub(super) fn endpoints() -> OpenApiRouter<Ingress> {
    let routes: [UtoipaMethodRouter<Ingress>; 2] = [
        routes!(list_backups::list_backups, create_backup::create_backup),
        routes!(
            show_backup::show_backup,
            update_backup::update_backup,
            delete_backup::delete_backup
        ),
    ];
    routes.into_iter().fold(OpenApiRouter::new(), in_all_forms)
}
