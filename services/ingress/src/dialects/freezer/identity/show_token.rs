//! `GET /v3/auth/tokens`

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::super::description::AnyIdentityFailure;
use super::super::error::IdentityError;
use super::token_object::{TokenAnswer, X_SUBJECT_TOKEN, wants_catalog};
use crate::auth::{NewSignIn, SignedIn};
use crate::frame::{Caller, Failure, FailureKind, Ingress, PublicRoot};

/// Says whose a token is
///
/// Of one that was given here, or a fixed one: its owner's own, or anybody's for an administrator.
#[utoipa::path(
    get,
    path = "/v3/auth/tokens",
    operation_id = "show_token",
    tag = "identity",
    params(("X-Subject-Token" = String, Header, description = "The token")),
    responses(
        (status = 200, description = "What it says", body = TokenAnswer, headers(("X-Subject-Token" = String, description = "The token"))),
        (status = 403, description = "It is somebody else's", body = IdentityError),
        (status = 404, description = "It is nobody's", body = IdentityError),
        AnyIdentityFailure,
    ),
)]
pub(super) async fn show_token(
    State(ingress): State<Ingress>,
    caller: Caller,
    PublicRoot(root): PublicRoot,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let token = headers
        .get(X_SUBJECT_TOKEN)
        .and_then(|token| token.to_str().ok())
        .map(str::trim)
        .filter(|token| !token.is_empty())
        .ok_or_else(|| Failure::invalid("X-Subject-Token is missing"))?;
    let signed_in = of_token(&ingress, token)
        .ok_or_else(|| Failure::new(FailureKind::NotFound, "The token could not be found."))?;
    let principal = &caller.principal;
    if signed_in.principal.name != principal.name && !principal.crosses_tenants() {
        return Err(Failure::new(
            FailureKind::Forbidden,
            "the token is somebody else's",
        ));
    }
    let root = Some(root).filter(|_| wants_catalog(query.as_deref()));
    TokenAnswer::new(&signed_in, root.as_deref()).respond(StatusCode::OK, token)
}

fn of_token(ingress: &Ingress, token: &str) -> Option<SignedIn> {
    let now = ingress.environment.clock.now();
    let directory = &ingress.directory;
    if let Some(principal) = directory.principal_of_fixed_token(token.as_bytes()) {
        // It has no end; clients need one.
        let new = NewSignIn {
            principal,
            methods: vec!["token".to_owned()],
            not_after: None,
        };
        return Some(ingress.sign_in.issue(new, now).1);
    }
    let signed_in = ingress.sign_in.of_token(directory, token.as_bytes(), now);
    signed_in.ok()
}
