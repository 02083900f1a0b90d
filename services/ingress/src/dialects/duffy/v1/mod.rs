//! The API of Duffy 3, over the same sessions as the legacy one.

mod answers;
mod create_node;
mod create_session;
mod create_tenant;
mod expiry;
mod list_nodes;
mod list_pools;
mod list_sessions;
mod list_tenants;
mod node_object;
mod pool_object;
mod refused;
mod session_object;
mod show_node;
mod show_pool;
mod show_session;
mod show_tenant;
mod tenant_object;
mod update_session;
mod update_tenant;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::frame::Ingress;

/// The endpoints.
pub(super) fn endpoints() -> OpenApiRouter<Ingress> {
    OpenApiRouter::new()
        .routes(routes!(
            list_sessions::list_sessions,
            create_session::create_session
        ))
        .routes(routes!(
            show_session::show_session,
            update_session::update_session
        ))
        .routes(routes!(list_pools::list_pools))
        .routes(routes!(show_pool::show_pool))
        .routes(routes!(list_nodes::list_nodes, create_node::create_node))
        .routes(routes!(show_node::show_node))
        .routes(routes!(
            list_tenants::list_tenants,
            create_tenant::create_tenant
        ))
        .routes(routes!(
            show_tenant::show_tenant,
            update_tenant::update_tenant
        ))
}
