//! Who may call: whoever has a token with the role `api`, whatever other roles it has.

use std::sync::Arc;

use axum::http::request::Parts;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use muster_contract::{Principal, Role};

use crate::auth::token_of;
use crate::frame::{Failure, FailureKind, Ingress};

pub(super) fn authenticate<'a>(
    ingress: &'a Ingress,
    parts: &'a Parts,
) -> BoxFuture<'a, Result<Arc<Principal>, Failure>> {
    std::future::ready(principal_of(ingress, parts)).boxed()
}

fn principal_of(ingress: &Ingress, parts: &Parts) -> Result<Arc<Principal>, Failure> {
    let unauthenticated = |message| Failure::new(FailureKind::Unauthenticated, message);
    let token = token_of(&parts.headers).ok_or_else(|| {
        unauthenticated("no token: send one as X-Auth-Token or as Authorization: Bearer".to_owned())
    })?;
    let principal = ingress
        .directory
        .principal_of_token(token, ingress.environment.clock.now())
        .map_err(|error| unauthenticated(error.to_string()))?;
    if !principal.has(Role::Api) {
        return Err(Failure::new(FailureKind::Forbidden, "missing role: api")
            .because(format!("{:?} has {:?}", principal.name, principal.roles)));
    }
    Ok(principal)
}
