//! Signatures of requests (`api/backendai.md` §1, "Signature, exactly"): an HMAC over everything of a request but its body.

use std::fmt::Write as _;

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderName};
use ring::{digest, hmac};
use subtle::ConstantTimeEq;

use super::error::INVALID_AUTH;
use super::request_date::RequestDate;
use super::version::Version;
use crate::frame::Failure;

/// Names of the scheme: the project's, and the one it had before.
const SCHEMES: [&str; 2] = ["BackendAI", "Sorna"];

/// The type of a request that does not say what it is, such as those of web sockets.
const NO_CONTENT_TYPE: &str = "application/octet-stream";

/// What the header `Authorization` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Credential<'a> {
    method: hmac::Algorithm,
    /// Who claims to have signed.
    pub(super) access_key: &'a str,
    signature: &'a str,
}

impl<'a> Credential<'a> {
    /// What a request says; `None` = nothing.
    pub(super) fn of_request(headers: &'a HeaderMap) -> Result<Option<Self>, Failure> {
        let Some(header) = headers.get(AUTHORIZATION) else {
            return Ok(None);
        };
        let malformed = || invalid("Malformed authorization header");
        let text = header.to_str().map_err(|_| malformed())?.trim();
        let (scheme, parameters) = text.split_once(' ').ok_or_else(malformed)?;
        if !SCHEMES.contains(&scheme) {
            return Err(invalid("Invalid authorization type name"));
        }
        let parameter = |wanted: &str| {
            parameters.split(',').find_map(|parameter| {
                let (name, value) = parameter.split_once('=')?;
                (name.trim() == wanted).then(|| value.trim())
            })
        };
        let method = parameter("signMethod").and_then(method);
        let credential = parameter("credential").and_then(|value| value.split_once(':'));
        let (Some(method), Some((access_key, signature))) = (method, credential) else {
            return Err(invalid("Missing or malformed authorization parameters"));
        };
        Ok(Some(Self {
            method,
            access_key,
            signature,
        }))
    }
}

fn invalid(message: &'static str) -> Failure {
    Failure::invalid(message).code(INVALID_AUTH)
}

/// `HMAC-SHA256` and its like, in any case of letters. Those whose collisions can be made are not taken.
fn method(name: &str) -> Option<hmac::Algorithm> {
    match name.to_ascii_uppercase().as_str() {
        "HMAC-SHA256" => Some(hmac::HMAC_SHA256),
        "HMAC-SHA384" => Some(hmac::HMAC_SHA384),
        "HMAC-SHA512" => Some(hmac::HMAC_SHA512),
        _ => None,
    }
}

/// What of a request is signed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signed<'a> {
    method: &'a str,
    /// Path and query as they were sent.
    target: &'a str,
    date: RequestDate<'a>,
    host: &'a str,
    content_type: &'a str,
    version: Version,
}

impl<'a> Signed<'a> {
    /// What of this request.
    pub(super) fn of_request(parts: &'a Parts, date: RequestDate<'a>, version: Version) -> Self {
        let target = parts.uri.path_and_query();
        let content_type = header(&parts.headers, &CONTENT_TYPE).unwrap_or(NO_CONTENT_TYPE);
        let (content_type, _) = content_type.split_once(';').unwrap_or((content_type, ""));
        Self {
            method: parts.method.as_str(),
            target: target.map_or("/", PathAndQuery::as_str),
            date,
            host: header(&parts.headers, &HOST).unwrap_or_default(),
            content_type: content_type.trim(),
            version,
        }
    }

    /// Whether whoever has the secret key signed it. How long that takes to find out says nothing of how much is right.
    pub(super) fn is_signed(&self, credential: &Credential<'_>, secret_key: &[u8]) -> bool {
        let expected = self.signature(credential.method, secret_key);
        let given = credential.signature.as_bytes();
        expected.as_bytes().ct_eq(given).into()
    }

    fn signature(&self, method: hmac::Algorithm, secret_key: &[u8]) -> String {
        let key = hmac::Key::new(method, secret_key);
        let of_day = hmac::sign(&key, self.date.day().as_bytes());
        let key = hmac::Key::new(method, of_day.as_ref());
        let of_host = hmac::sign(&key, self.host.as_bytes());
        let key = hmac::Key::new(method, of_host.as_ref());
        hex(hmac::sign(&key, self.text(method).as_bytes()).as_ref())
    }

    fn text(&self, method: hmac::Algorithm) -> String {
        // Since v4.20181215 the body is not part of it, and neither is its absence.
        let nothing = digest::digest(method.digest_algorithm(), b"");
        [
            self.method,
            self.target,
            self.date.raw,
            &format!("host:{}", self.host),
            &format!("content-type:{}", self.content_type.to_ascii_lowercase()),
            &format!("{}:{}", self.version.header, self.version.name),
            &hex(nothing.as_ref()),
        ]
        .join("\n")
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a text does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use muster_platform::Timestamp;
    use proptest::prelude::*;

    use super::*;

    const DATE: &str = "2026-11-21T23:34:37.582933+00:00";
    const SECRET: &[u8] = b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

    /// Of the request in `api/backendai.md` §1.
    const VECTOR: &str = "f59db2f0caf8c3bdab0e5703fb09f5d634fe2ce8f30e142ab4b372781c833141";

    fn request(change: impl FnOnce(&mut Parts)) -> Parts {
        let (mut parts, ()) = Request::builder()
            .method("DELETE")
            .uri("/session/mysess-01")
            .header("host", "127.0.0.1:18081")
            .header("date", DATE)
            .header("content-type", "text/plain")
            .header("x-backendai-version", "v5.20191215")
            .body(())
            .unwrap()
            .into_parts();
        change(&mut parts);
        parts
    }

    fn signature(parts: &Parts) -> String {
        let now = Timestamp::parse_rfc3339(DATE).unwrap();
        let date = RequestDate::of_request(&parts.headers, now).unwrap();
        let version = Version::of_request(&parts.headers).unwrap();
        Signed::of_request(parts, date, version).signature(hmac::HMAC_SHA256, SECRET)
    }

    #[test]
    fn the_vector() {
        assert_eq!(signature(&request(|_| {})), VECTOR);
    }

    #[test]
    fn parameters_and_case_of_the_content_type_are_not_signed() {
        let typed = |text: &'static str| {
            signature(&request(|parts| {
                parts.headers.insert("content-type", text.parse().unwrap());
            }))
        };
        assert_eq!(typed("text/plain; charset=utf-8"), VECTOR);
        assert_eq!(typed("Text/Plain"), VECTOR);
        assert_ne!(typed("application/json"), VECTOR);
        let without = signature(&request(|parts| {
            parts.headers.remove("content-type");
        }));
        assert_eq!(without, typed("application/octet-stream"));
    }

    #[test]
    fn anything_else_is() {
        let others: [fn(&mut Parts); 6] = [
            |parts| parts.method = "GET".parse().unwrap(),
            |parts| parts.uri = "/session/mysess-02".parse().unwrap(),
            |parts| parts.uri = "/session/mysess-01?forced=true".parse().unwrap(),
            |parts| parts.uri = "/session/mysess%2D01".parse().unwrap(),
            |parts| {
                parts.headers.insert("host", "127.0.0.1".parse().unwrap());
            },
            |parts| {
                let same_moment = "2026-11-21T23:34:37.582933Z".parse().unwrap();
                parts.headers.insert("date", same_moment);
            },
        ];
        for change in others {
            assert_ne!(signature(&request(change)), VECTOR);
        }
    }

    fn credential(text: &str) -> Result<Option<(String, String)>, Failure> {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, text.parse().unwrap())]);
        let credential = Credential::of_request(&headers)?;
        Ok(credential.map(|credential| {
            let Credential {
                access_key,
                signature,
                ..
            } = credential;
            (access_key.to_owned(), signature.to_owned())
        }))
    }

    #[test]
    fn a_credential_is_read_from_its_header() {
        let known = ("AK".to_owned(), "5f".to_owned());
        for text in [
            "BackendAI signMethod=HMAC-SHA256, credential=AK:5f",
            "BackendAI signMethod=hmac-sha512,credential=AK:5f",
            "Sorna credential = AK:5f , signMethod=HMAC-SHA384",
        ] {
            assert_eq!(credential(text).unwrap().unwrap(), known, "{text}");
        }
        assert_eq!(Credential::of_request(&HeaderMap::new()).unwrap(), None);
        for text in [
            "",
            "BackendAI",
            "Bearer x",
            "backendai signMethod=HMAC-SHA256, credential=AK:5f",
            "BackendAI signMethod=HMAC-SHA256",
            "BackendAI credential=AK:5f",
            "BackendAI signMethod=HMAC-SHA256, credential=AK",
            "BackendAI signMethod=SHA256, credential=AK:5f",
            "BackendAI signMethod=HMAC-MD5, credential=AK:5f",
        ] {
            let failure = credential(text).unwrap_err();
            assert_eq!(failure.given_code(), Some(INVALID_AUTH), "{text}");
        }
    }

    proptest! {
        #[test]
        fn only_the_right_signature_is_one(at in 0_usize..64, other in "[0-9a-f]", cut in 0_usize..64) {
            let parts = request(|_| {});
            let now = Timestamp::parse_rfc3339(DATE).unwrap();
            let date = RequestDate::of_request(&parts.headers, now).unwrap();
            let version = Version::of_request(&parts.headers).unwrap();
            let signed = Signed::of_request(&parts, date, version);
            let is_signed = |signature: &str, secret: &[u8]| {
                let credential = Credential { method: hmac::HMAC_SHA256, access_key: "AK", signature };
                signed.is_signed(&credential, secret)
            };
            prop_assert!(is_signed(VECTOR, SECRET));
            prop_assert!(!is_signed(VECTOR, b"another"));
            prop_assert!(!is_signed(&VECTOR[..cut], SECRET));
            let mut wrong = VECTOR.to_owned();
            wrong.replace_range(at..=at, &other);
            prop_assert_eq!(is_signed(&wrong, SECRET), wrong == VECTOR);
        }
    }
}
