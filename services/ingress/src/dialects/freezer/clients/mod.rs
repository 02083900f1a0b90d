//! Clients: the schedulers that run jobs.

mod delete_client;
mod list_clients;
mod register_client;
mod show_client;

use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use super::in_all_forms;
use crate::frame::Ingress;

pub(super) fn endpoints() -> OpenApiRouter<Ingress> {
    let routes: [UtoipaMethodRouter<Ingress>; 2] = [
        routes!(list_clients::list_clients, register_client::register_client),
        routes!(show_client::show_client, delete_client::delete_client),
    ];
    routes.into_iter().fold(OpenApiRouter::new(), in_all_forms)
}
