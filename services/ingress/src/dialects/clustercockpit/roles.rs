//! Who may call: `/api` whoever has a token with the role `api`, whatever other roles it has; `/userapi` whoever has any
//! role. There, a token that has others besides `api` counts as without it, so that a user sees what is the user's own.

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

/// Where users may ask with tokens of their own.
const USER_API: &str = "/userapi";

fn for_users(principal: Arc<Principal>) -> Result<Arc<Principal>, Failure> {
    match principal.roles.as_slice() {
        [] => Err(Failure::new(FailureKind::Forbidden, "missing role: user")),
        [_] => Ok(principal),
        roles => {
            let roles = roles.iter().copied().filter(|role| *role != Role::Api);
            Ok(Arc::new(Principal {
                roles: roles.collect(),
                ..principal.as_ref().clone()
            }))
        }
    }
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
    if parts.uri.path().starts_with(USER_API) {
        return for_users(principal);
    }
    if !principal.has(Role::Api) {
        return Err(Failure::new(FailureKind::Forbidden, "missing role: api")
            .because(format!("{:?} has {:?}", principal.name, principal.roles)));
    }
    Ok(principal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_act_as_users() {
        let of = |roles: &[Role]| {
            let principal = Principal {
                name: "alice".to_owned(),
                domain: "default".to_owned(),
                project: "demo".to_owned(),
                roles: roles.to_vec(),
            };
            for_users(Arc::new(principal)).map(|principal| principal.roles.clone())
        };
        assert_eq!(of(&[Role::User]).unwrap(), [Role::User]);
        assert_eq!(of(&[Role::Api]).unwrap(), [Role::Api]);
        assert_eq!(of(&[Role::User, Role::Api]).unwrap(), [Role::User]);
        assert_eq!(of(&[]).unwrap_err().kind(), FailureKind::Forbidden);
    }
}
