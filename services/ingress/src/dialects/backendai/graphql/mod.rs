//! GraphQL: what compute sessions there are, for clients and administrators (seed 4, `api/backendai.md` §4).
//!
//! | file | what is in it |
//! |---|---|
//! | `post_graphql.rs` | the endpoints: bare answers at `/admin/graphql`, `data` and `errors` at `/admin/gql` |
//! | `schema.rs` | what can be asked for, and its limits |
//! | `sessions_asked_for.rs` | pages and statuses |
//! | `filter_language.rs`, `conditions.rs` | from the manager's languages of filters and orders to the question that the session service answers |
//! | `scope.rs` | who sees what |
//! | `compute_session.rs`, `compute_container.rs`, `key_pair.rs` | the types |
//! | `scalars.rs` | texts of a form of their own |
//! | `identity.rs` | names as UUIDs |
//! | `reading.rs`, `loading.rs` | asking the owner of the tables, for a whole page at once |
//! | `subscription.rs`, `web_socket.rs` | what can be listened to, and how |

mod compute_container;
mod compute_session;
mod conditions;
mod filter_language;
mod identity;
mod key_pair;
mod loading;
mod post_graphql;
mod reading;
mod scalars;
mod schema;
mod scope;
mod sessions_asked_for;
mod subscription;
mod web_socket;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::frame::Ingress;

/// The schema, in GraphQL's own language.
pub(crate) fn sdl() -> String {
    schema::sdl()
}

/// Where clients before v6.20210815 look; `/admin/gql` is where it is described.
const OLD_PATH: &str = "/admin/graphql";

pub(super) fn endpoints() -> OpenApiRouter<Ingress> {
    let sockets = routes!(web_socket::open);
    let methods = sockets.2.clone();
    OpenApiRouter::new()
        .routes(routes!(post_graphql::bare))
        .routes(routes!(post_graphql::wrapped))
        .routes(sockets)
        .route(OLD_PATH, methods)
}
