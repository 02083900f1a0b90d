//! As much of Keystone (Identity API v3) as Freezer's clients need to sign in with principals of the site.

mod create_token;
mod request;
mod show_token;
mod token_object;
mod version;

use axum::routing::{get, post};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::frame::Ingress;

/// Where its paths begin.
pub(super) const PREFIX: &str = "/v3";

pub(super) fn endpoints() -> OpenApiRouter<Ingress> {
    OpenApiRouter::new()
        .routes(routes!(version::version))
        .routes(routes!(create_token::create_token, show_token::show_token))
        .route("/v3/", get(version::version))
        .route(
            "/v3/auth/tokens/",
            post(create_token::create_token).get(show_token::show_token),
        )
}
