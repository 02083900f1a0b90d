//! Who calls the API of release 3: HTTP Basic with the name of a principal, or of its project, and its `duffy_key`. (To
//! Duffy a name and a key are a tenant's; here several principals may share a project.)

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use headers::authorization::Basic;
use headers::{Authorization, HeaderMapExt};
use muster_contract::Principal;

use crate::auth::Directory;
use crate::frame::{Caller, Failure, FailureKind, Ingress};

pub(super) fn authenticate<'a>(
    ingress: &'a Ingress,
    parts: &'a Parts,
) -> BoxFuture<'a, Result<Arc<Principal>, Failure>> {
    std::future::ready(principal_of(&ingress.directory, &parts.headers)).boxed()
}

fn principal_of(directory: &Directory, headers: &HeaderMap) -> Result<Arc<Principal>, Failure> {
    let unauthenticated = |message| Failure::new(FailureKind::Unauthenticated, message);
    if !headers.contains_key(AUTHORIZATION) {
        return Err(unauthenticated("Not authenticated"));
    }
    let Some(Authorization(given)) = headers.typed_get::<Authorization<Basic>>() else {
        return Err(unauthenticated("Invalid authentication credentials"));
    };
    directory
        .principal_of_duffy_key(given.password().as_bytes())
        .filter(|known| [&known.name, &known.project].contains(&&given.username().to_owned()))
        .ok_or_else(|| unauthenticated("Unauthorized"))
}

/// The caller, if anybody says who it is.
pub(super) struct OptionalCaller(pub(super) Option<Caller>);

impl FromRequestParts<Ingress> for OptionalCaller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, ingress: &Ingress) -> Result<Self, Failure> {
        if !parts.headers.contains_key(AUTHORIZATION) {
            return Ok(Self(None));
        }
        let caller = Caller::from_request_parts(parts, ingress).await?;
        Ok(Self(Some(caller)))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use axum::http::HeaderValue;
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use muster_platform::Site;

    use super::*;

    fn directory() -> Directory {
        let text = r#"
            [[project]]
            name = "demo"
            [[principal]]
            name = "alice"
            project = "demo"
            duffy_key = "k-1"
            [[principal]]
            name = "bob"
            project = "demo"
        "#;
        Directory::of_site(&Site::parse(text, Path::new("site.toml")).unwrap()).unwrap()
    }

    fn name(authorization: Option<String>) -> Result<String, String> {
        let mut headers = HeaderMap::new();
        if let Some(text) = authorization {
            headers.insert(AUTHORIZATION, HeaderValue::from_str(&text).unwrap());
        }
        principal_of(&directory(), &headers)
            .map(|principal| principal.name.clone())
            .map_err(|failure| {
                assert_eq!(failure.kind(), FailureKind::Unauthenticated);
                failure.message().to_owned()
            })
    }

    fn basic(user: &str, key: &str) -> String {
        let encoded = BASE64_STANDARD.encode(format!("{user}:{key}"));
        format!("Basic {encoded}")
    }

    #[test]
    fn name_and_key_have_to_belong_together() {
        for user in ["alice", "demo"] {
            assert_eq!(name(Some(basic(user, "k-1"))).unwrap(), "alice");
        }
        for (user, key) in [
            ("bob", "k-1"),
            ("", "k-1"),
            ("alice", "k-2"),
            ("alice", ""),
            ("ALICE", "k-1"),
            ("bob", ""),
        ] {
            assert_eq!(name(Some(basic(user, key))).unwrap_err(), "Unauthorized");
        }
    }

    #[test]
    fn what_is_no_basic_header_lets_nobody_in() {
        assert_eq!(name(None).unwrap_err(), "Not authenticated");
        for text in [
            "",
            "Basic",
            "Basic !",
            "Bearer k-1",
            "Basic YWxpY2U=",
            "k-1",
        ] {
            assert_eq!(
                name(Some(text.to_owned())).unwrap_err(),
                "Invalid authentication credentials",
                "{text}"
            );
        }
    }
}
