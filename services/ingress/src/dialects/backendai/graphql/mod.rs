//! GraphQL: what compute sessions there are, for clients and administrators (seed 4, `api/backendai.md` §4).
//!
//! | file | what is in it |
//! |---|---|
//! | `post_graphql.rs` | the endpoints: bare answers at `/admin/graphql`, `data` and `errors` at `/admin/gql` |
//! | `schema.rs` | what can be asked for, and its limits |
//! | `sessions_asked_for.rs` | from the arguments of a list to the question that the session service answers |
//! | `scope.rs` | who sees what |
//! | `compute_session.rs`, `compute_container.rs`, `key_pair.rs` | the types |
//! | `scalars.rs` | texts of a form of their own |
//! | `reading.rs` | asking the owner of the tables |

mod compute_container;
mod compute_session;
mod key_pair;
mod post_graphql;
mod reading;
mod scalars;
mod schema;
mod scope;
mod sessions_asked_for;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::frame::Ingress;

pub(super) fn endpoints() -> OpenApiRouter<Ingress> {
    OpenApiRouter::new()
        .routes(routes!(post_graphql::bare))
        .routes(routes!(post_graphql::wrapped))
}
