//! `POST /v3/auth/tokens`

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::Principal;
use muster_platform::Timestamp;

use super::super::description::AnyIdentityFailure;
use super::request::{Asked, Method, Project, TokenRequest, is_domain_of};
use super::token_object::{TokenAnswer, wants_catalog};
use crate::auth::{NewSignIn, SignInError, for_project};
use crate::frame::{Failure, FailureKind, Ingress, Peer, PublicRoot, RequestBody};

/// What is said of everything that lets nobody in, so that nobody learns which part of it was wrong.
const NOBODY: &str = "The request you have made requires authentication.";

/// Signs in
///
/// With the name and password of a principal of the site, or with a token: a fixed one, or one that this call gave before,
/// which then ends no later. The project is the principal's own; an administrator may name any.
#[utoipa::path(
    post,
    path = "/v3/auth/tokens",
    operation_id = "create_token",
    tag = "identity",
    security(()),
    request_body(content = TokenRequest, description = "Who signs in; Content-Type is not looked at"),
    responses(
        (status = 201, description = "Signed in", body = TokenAnswer, headers(("X-Subject-Token" = String, description = "The token"))),
        AnyIdentityFailure,
    ),
)]
pub(super) async fn create_token(
    State(ingress): State<Ingress>,
    peer: Option<Extension<Peer>>,
    PublicRoot(root): PublicRoot,
    RawQuery(query): RawQuery,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let asked = Asked::of_body(&body)?;
    let from = peer.map_or(
        IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        |Extension(Peer(peer))| peer.ip(),
    );
    let now = ingress.environment.clock.now();
    let mut found: Option<Arc<Principal>> = None;
    let mut not_after = None;
    let mut methods = Vec::new();
    for method in asked.methods {
        methods.push(method.name().to_owned());
        let (principal, until) = who(&ingress, method, from, now).await?;
        if found
            .as_ref()
            .is_some_and(|found| found.name != principal.name)
        {
            return Err(nobody());
        }
        not_after = not_after.or(until);
        found = Some(principal);
    }
    let principal = found.ok_or_else(nobody)?;
    let new = NewSignIn {
        principal: scoped(&ingress, &principal, asked.project.as_ref())?,
        methods,
        not_after,
    };
    let (token, signed_in) = ingress.sign_in.issue(new, now);
    let root = Some(root).filter(|_| wants_catalog(query.as_deref()));
    TokenAnswer::new(&signed_in, root.as_deref()).respond(StatusCode::CREATED, &token)
}

/// Who it is, and until when whatever says so is good.
async fn who(
    ingress: &Ingress,
    method: Method,
    from: IpAddr,
    now: Timestamp,
) -> Result<(Arc<Principal>, Option<Timestamp>), Failure> {
    let directory = &ingress.directory;
    match method {
        Method::Password(user) => {
            let name = user.name()?.to_owned();
            let principal = ingress
                .sign_in
                .with_password(directory, &name, user.password, from, now)
                .await
                .map_err(refused)?;
            if is_domain_of(user.domain.as_ref(), &principal) {
                Ok((principal, None))
            } else {
                Err(nobody())
            }
        }
        Method::Token(token) => {
            let token = token.as_bytes();
            if let Some(principal) = directory.principal_of_fixed_token(token) {
                return Ok((principal, None));
            }
            match ingress.sign_in.of_token(directory, token, now) {
                Ok(signed_in) => Ok((signed_in.principal, Some(signed_in.expires_at))),
                Err(error) => Err(nobody().because(error.to_string())),
            }
        }
    }
}

/// The principal for the project that is asked for.
fn scoped(
    ingress: &Ingress,
    principal: &Arc<Principal>,
    project: Option<&Project>,
) -> Result<Arc<Principal>, Failure> {
    let Some(project) = project else {
        return Ok(Arc::clone(principal));
    };
    for_project(&ingress.directory, principal, project.name()?)
        .filter(|principal| project.is_in_domain_of(principal))
        .ok_or_else(nobody)
}

fn refused(error: SignInError) -> Failure {
    match error {
        SignInError::Unknown => nobody(),
        SignInError::TooManyWrong(wait) => Failure::new(
            FailureKind::TooMany,
            "too many wrong passwords; try again later",
        )
        .retry_after(wait),
        SignInError::Busy => Failure::new(
            FailureKind::Unavailable,
            "too many are signing in; try again",
        ),
    }
}

fn nobody() -> Failure {
    Failure::new(FailureKind::Unauthenticated, NOBODY)
}
