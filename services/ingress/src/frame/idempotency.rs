//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a client that does not know
//! whether a write was done sends it again with the same key and gets the first one's outcome.

use axum::body::Bytes;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method};
use sha2::{Digest, Sha256};
use utoipa::IntoParams;

use super::{Failure, Ingress};

/// The header.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A key may have this many characters.
pub(crate) const KEY_LIMIT: usize = 255;

/// The header as every write of every dialect describes it.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "a description; the header is read by hand")]
pub(crate) struct IdempotencyKeyHeader {
    /// 1 to 255 visible ASCII characters. The same request with the same key is carried out once and gets the first one's
    /// outcome; another request with that key is refused with 422.
    #[param(rename = "Idempotency-Key", max_length = 255)]
    idempotency_key: Option<String>,
}

/// What makes a write the same as an earlier one: its key, if it has one, and of what request that
/// key is.
#[derive(Debug)]
pub(crate) struct Idempotency(Option<Keyed>);

#[derive(Debug)]
struct Keyed {
    key: String,
    method: Method,
    path: String,
}

impl Idempotency {
    /// Of what nobody sends again: a look at something.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// Whether there is a key.
    pub(crate) fn is_given(&self) -> bool {
        self.0.is_some()
    }

    /// The key, and the fingerprint of the request with `body`; nothing without a key.
    pub(crate) fn of_request(self, body: &Bytes) -> Option<(String, String)> {
        let Keyed { key, method, path } = self.0?;
        Some((key, fingerprint(&method, &path, body)))
    }

    /// Of a request without the header, whose key stands in a parameter. The header comes first.
    pub(crate) fn or_parameter(
        self,
        name: &str,
        key: Option<&str>,
        method: &Method,
        path: &str,
    ) -> Result<Self, Failure> {
        let Some(key) = key.filter(|_| self.0.is_none()) else {
            return Ok(self);
        };
        if !sane(key) {
            return Err(Failure::invalid(format!(
                "{name} has to be 1 to {KEY_LIMIT} visible ASCII characters"
            )));
        }
        Ok(Self(Some(Keyed {
            key: key.to_owned(),
            method: method.clone(),
            path: path.to_owned(),
        })))
    }
}

impl FromRequestParts<Ingress> for Idempotency {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Ingress) -> Result<Self, Failure> {
        let key = key(&parts.headers)?;
        Ok(Self(key.map(|key| Keyed {
            key,
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
        })))
    }
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let mut given = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(key) = given.next() else {
        return Ok(None);
    };
    let wrong = || {
        Failure::invalid(format!(
            "Idempotency-Key has to be given once, as 1 to {KEY_LIMIT} visible ASCII characters"
        ))
    };
    if given.next().is_some() {
        return Err(wrong());
    }
    // The draft has it in double quotes, most clients leave them out.
    let key = key.to_str().map_err(|_| wrong())?;
    let key = key
        .strip_prefix('"')
        .and_then(|key| key.strip_suffix('"'))
        .unwrap_or(key);
    if !sane(key) {
        return Err(wrong());
    }
    Ok(Some(key.to_owned()))
}

fn sane(key: &str) -> bool {
    (1..=KEY_LIMIT).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}

/// SHA-256, in hexadecimal, of what a request asks for. Each part is preceded by its length, so that
/// no two requests come out the same by having their parts cut differently. The path stands for the
/// route and its parameters; with or without the slash at its end it is the same route.
fn fingerprint(method: &Method, path: &str, body: &[u8]) -> String {
    let mut hash = Sha256::new();
    let path = path.trim_end_matches('/');
    for part in [method.as_str().as_bytes(), path.as_bytes(), body] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    format!("{:x}", hash.finalize())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn key_of(values: &[&[u8]]) -> Result<Option<String>, Failure> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IDEMPOTENCY_KEY, HeaderValue::from_bytes(value).unwrap());
        }
        key(&headers)
    }

    #[test]
    fn a_key_is_visible_ascii_and_not_too_long() {
        let longest = "x".repeat(KEY_LIMIT);
        assert_eq!(key_of(&[]).unwrap(), None);
        assert_eq!(key_of(&[b"a-1"]).unwrap().as_deref(), Some("a-1"));
        assert_eq!(key_of(&[b"\"a-1\""]).unwrap().as_deref(), Some("a-1"));
        assert_eq!(
            key_of(&[longest.as_bytes()]).unwrap().as_deref(),
            Some(longest.as_str())
        );
        let too_long = "x".repeat(KEY_LIMIT + 1);
        let wrong: [&[&[u8]]; 6] = [
            &[b""],
            &[b"\"\""],
            &[b"a b"],
            &["é".as_bytes()],
            &[too_long.as_bytes()],
            &[b"a", b"a"],
        ];
        for values in wrong {
            assert!(key_of(values).is_err(), "{values:?}");
        }
    }

    #[test]
    fn a_parameter_may_stand_for_the_header_which_comes_first() {
        let given = |header: Option<&str>, parameter: Option<&str>| {
            let header = header.map(|key| Keyed {
                key: key.to_owned(),
                method: Method::GET,
                path: "/a".to_owned(),
            });
            let whole = Idempotency(header).or_parameter("req", parameter, &Method::GET, "/a");
            whole.map(|whole| whole.of_request(&Bytes::new()).map(|(key, _)| key))
        };
        assert_eq!(given(None, None).unwrap(), None);
        assert_eq!(given(None, Some("p")).unwrap().as_deref(), Some("p"));
        assert_eq!(given(Some("h"), Some("p")).unwrap().as_deref(), Some("h"));
        for wrong in ["", "a b", "é"] {
            assert!(given(None, Some(wrong)).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_fingerprint_tells_requests_apart() {
        let of = |method, path, body: &str| fingerprint(&method, path, body.as_bytes());
        let first = of(Method::POST, "/api/jobs/stop_job/7", "{}");
        assert_eq!(first.len(), 64);
        assert_eq!(first, of(Method::POST, "/api/jobs/stop_job/7/", "{}"));
        for other in [
            of(Method::PUT, "/api/jobs/stop_job/7", "{}"),
            of(Method::POST, "/api/jobs/stop_job/8", "{}"),
            of(Method::POST, "/api/jobs/stop_job/", "7{}"),
            of(Method::POST, "/api/jobs/stop_job/7", "{ }"),
        ] {
            assert_ne!(first, other);
        }
    }
}
