//! Who calls: `X-Auth-Token` with a fixed token of the site, one that signing in gave, or one that the site's Keystone knows.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::request::Parts;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use muster_contract::{Principal, Role};

use crate::auth::{AuthenticationError, KeystoneError, X_AUTH_TOKEN};
use crate::frame::{Failure, FailureKind, Ingress};

/// What may change something. A reader has none of these.
const WRITERS: [Role; 6] = [
    Role::User,
    Role::Api,
    Role::Manager,
    Role::Admin,
    Role::DomainAdmin,
    Role::Superadmin,
];

pub(super) fn authenticate<'a>(
    ingress: &'a Ingress,
    parts: &'a Parts,
) -> BoxFuture<'a, Result<Arc<Principal>, Failure>> {
    async move {
        let token = token(&parts.headers).ok_or_else(|| unauthenticated("no X-Auth-Token"))?;
        principal_of(ingress, token).await
    }
    .boxed()
}

/// Whether it may change anything.
pub(super) fn may_write(principal: &Principal) -> bool {
    WRITERS.into_iter().any(|role| principal.has(role))
}

fn token(headers: &HeaderMap) -> Option<&[u8]> {
    let token = headers.get(X_AUTH_TOKEN)?.as_bytes().trim_ascii();
    Some(token).filter(|token| !token.is_empty())
}

async fn principal_of(ingress: &Ingress, token: &[u8]) -> Result<Arc<Principal>, Failure> {
    if let Some(principal) = ingress.directory.principal_of_fixed_token(token) {
        return Ok(principal);
    }
    let now = ingress.environment.clock.now();
    let error = match ingress.sign_in.of_token(&ingress.directory, token, now) {
        Ok(signed_in) => return Ok(signed_in.principal),
        Err(error) => error,
    };
    let Some(keystone) = ingress.directory.keystone().filter(|_| is_not_ours(&error)) else {
        return Err(unauthenticated("the token is not valid").because(error.to_string()));
    };
    keystone
        .principal_of(token, now)
        .await
        .map_err(|error| match &error {
            KeystoneError::Unknown => {
                unauthenticated("the token is not valid").because(error.to_string())
            }
            KeystoneError::Forbidden(reason) => Failure::new(FailureKind::Forbidden, *reason),
            KeystoneError::Away(_) => Failure::new(
                FailureKind::Unavailable,
                "Keystone, which knows whose token it is, cannot be asked; nothing was done, try again",
            )
            .because(error.to_string()),
        })
}

/// Whether somebody else may have made the token.
fn is_not_ours(error: &AuthenticationError) -> bool {
    use AuthenticationError::{Malformed, WrongAlgorithm, WrongSignature};
    matches!(error, Malformed | WrongAlgorithm | WrongSignature)
}

fn unauthenticated(message: &'static str) -> Failure {
    Failure::new(FailureKind::Unauthenticated, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_no_role_that_says_so_may_only_read() {
        let with = |roles: &[Role]| {
            may_write(&Principal {
                name: String::new(),
                domain: String::new(),
                project: String::new(),
                roles: roles.to_vec(),
            })
        };
        assert!(!with(&[]));
        assert!(!with(&[Role::Support]));
        for role in WRITERS {
            assert!(with(&[Role::Support, role]), "{role:?}");
        }
    }

    #[test]
    fn a_token_stands_in_one_header_alone() {
        let of = |name: &'static str, value: &'static str| {
            let headers = HeaderMap::from_iter([(
                axum::http::HeaderName::from_static(name),
                axum::http::HeaderValue::from_static(value),
            )]);
            token(&headers).map(<[u8]>::to_vec)
        };
        assert_eq!(of("x-auth-token", " t ").unwrap(), b"t");
        assert_eq!(of("x-auth-token", " "), None);
        assert_eq!(of("authorization", "Bearer t"), None);
    }
}
