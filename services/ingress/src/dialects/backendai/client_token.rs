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
