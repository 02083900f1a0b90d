//! `X-BackendAI-Client-Token`: what Backend.AI's documents call a request's idempotency key (and its manager does not implement).

use axum::http::{HeaderMap, HeaderValue, Method};

use crate::frame::{Failure, Idempotency};

/// The header.
const CLIENT_TOKEN: &str = "X-BackendAI-Client-Token";

/// With the client's token, unless there is an `Idempotency-Key`.
pub(super) fn with_client_token(
    idempotency: Idempotency,
    headers: &HeaderMap,
    method: &Method,
    path: &str,
) -> Result<Idempotency, Failure> {
    let token = headers.get(CLIENT_TOKEN).map(HeaderValue::to_str);
    // What is no text is no token either, which is said as of an empty one.
    let token = token.map(Result::unwrap_or_default);
    idempotency.or_parameter(CLIENT_TOKEN, token, method, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_given(token: Option<&[u8]>) -> Result<bool, Failure> {
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            headers.insert(CLIENT_TOKEN, HeaderValue::from_bytes(token).unwrap());
        }
        let idempotency = Idempotency::none();
        let with = with_client_token(idempotency, &headers, &Method::POST, "/session");
        with.map(|idempotency| idempotency.is_given())
    }

    #[test]
    fn a_token_is_a_key() {
        assert!(!is_given(None).unwrap());
        assert!(is_given(Some(b"7f3a")).unwrap());
        for wrong in [b"".as_slice(), b"a b", b"\xff"] {
            assert_eq!(is_given(Some(wrong)).unwrap_err().kind().status(), 400);
        }
    }
}
