//! Actions: what jobs do.

mod create_action;
mod delete_action;
mod list_actions;
mod replace_action;
mod show_action;
mod update_action;

use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use super::in_all_forms;
use crate::frame::Ingress;

pub(super) fn endpoints() -> OpenApiRouter<Ingress> {
    let routes: [UtoipaMethodRouter<Ingress>; 2] = [
        routes!(list_actions::list_actions, create_action::create_action),
        routes!(
            show_action::show_action,
            replace_action::replace_action,
            update_action::update_action,
            delete_action::delete_action
        ),
    ];
    routes.into_iter().fold(OpenApiRouter::new(), in_all_forms)
}
