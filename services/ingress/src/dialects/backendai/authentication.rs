//! Who calls: whoever has the secret key that the request is signed with.

use std::sync::Arc;

use axum::http::request::Parts;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use muster_contract::Principal;
use muster_platform::Timestamp;

use super::request_date::RequestDate;
use super::signature::{Credential, Signed};
use super::version::Version;
use crate::auth::{Directory, KeyPair};
use crate::frame::{Failure, FailureKind, Ingress};

pub(super) fn authenticate<'a>(
    ingress: &'a Ingress,
    parts: &'a Parts,
) -> BoxFuture<'a, Result<Arc<Principal>, Failure>> {
    let now = ingress.environment.clock.now();
    let pair = signer(&ingress.directory, parts, now);
    std::future::ready(pair.map(|pair| Arc::clone(&pair.principal))).boxed()
}

/// Whoever signed the request.
fn signer<'a>(
    directory: &'a Directory,
    parts: &Parts,
    now: Timestamp,
) -> Result<&'a Arc<KeyPair>, Failure> {
    let date = RequestDate::of_request(&parts.headers, now)?;
    let credential = Credential::of_request(&parts.headers)?
        .ok_or_else(|| unauthenticated("the request is not signed"))?;
    let version = Version::of_request(&parts.headers)?;
    let signed = Signed::of_request(parts, date, version);
    directory
        .compute()
        .key_pair(credential.access_key)
        .filter(|pair| signed.is_signed(&credential, pair.secret_key.as_bytes()))
        .ok_or_else(|| unauthenticated("Access key not found or signature mismatch"))
}

fn unauthenticated(message: &'static str) -> Failure {
    Failure::new(FailureKind::Unauthenticated, message)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use axum::http::Request;
    use muster_platform::Site;

    use super::*;

    const DATE: &str = "2026-11-21T23:34:37.582933+00:00";
    const SIGNATURE: &str = "f59db2f0caf8c3bdab0e5703fb09f5d634fe2ce8f30e142ab4b372781c833141";

    fn directory() -> Directory {
        let text = r#"
            [[project]]
            name = "demo"
            [[principal]]
            name = "alice"
            project = "demo"
            access_key = "AKIAIOSFODNN7EXAMPLE"
            secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
            [[principal]]
            name = "bob"
            project = "demo"
            access_key = "AKIAIOSFODNN8EXAMPLE"
            secret_key = "another-secret-key-of-forty-characters-x"
        "#;
        Directory::of_site(&Site::parse(text, Path::new("site.toml")).unwrap()).unwrap()
    }

    fn status(headers: &[(&str, &str)]) -> Result<String, u16> {
        let mut request = Request::builder()
            .method("DELETE")
            .uri("/session/mysess-01")
            .header("host", "127.0.0.1:18081")
            .header("content-type", "text/plain");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let now = Timestamp::parse_rfc3339(DATE).unwrap();
        signer(&directory(), &parts, now)
            .map(|pair| pair.principal.name.clone())
            .map_err(|failure| failure.kind().status().as_u16())
    }

    #[test]
    fn whoever_signed_is_let_in() {
        let authorization = |key: &str, signature: &str| {
            format!("BackendAI signMethod=HMAC-SHA256, credential={key}:{signature}")
        };
        let date = ("date", DATE);
        let version = ("x-backendai-version", "v5.20191215");
        let signed = |key, signature: &str| {
            let authorization = authorization(key, signature);
            status(&[date, version, ("authorization", &authorization)])
        };
        assert_eq!(signed("AKIAIOSFODNN7EXAMPLE", SIGNATURE).unwrap(), "alice");
        assert_eq!(signed("AKIAIOSFODNN8EXAMPLE", SIGNATURE), Err(401));
        assert_eq!(signed("AKIAIOSFODNN9EXAMPLE", SIGNATURE), Err(401));
        assert_eq!(
            signed("AKIAIOSFODNN7EXAMPLE", &SIGNATURE.replace('f', "e")),
            Err(401)
        );
        assert_eq!(signed("AKIAIOSFODNN7EXAMPLE", ""), Err(401));
        let good = authorization("AKIAIOSFODNN7EXAMPLE", SIGNATURE);
        // The date is looked at first.
        assert_eq!(status(&[]), Err(400));
        assert_eq!(status(&[date]), Err(401));
        assert_eq!(status(&[date, version]), Err(401));
        assert_eq!(status(&[date, ("authorization", &good)]), Err(400));
        assert_eq!(
            status(&[date, version, ("authorization", "Bearer x")]),
            Err(400)
        );
    }
}
