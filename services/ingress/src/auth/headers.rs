//! Where a token stands in a request.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName};

/// The header of ClusterCockpit's and OpenStack's tokens.
pub(crate) const X_AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");

const BEARER: &str = "bearer ";

/// The token in `X-Auth-Token`, else the one in `Authorization`, with or without `Bearer` before it.
pub(crate) fn token_of(headers: &HeaderMap) -> Option<&[u8]> {
    let value = |name| {
        let value = headers.get(name)?.as_bytes().trim_ascii();
        Some(value).filter(|value| !value.is_empty())
    };
    value(X_AUTH_TOKEN).or_else(|| value(AUTHORIZATION).map(without_scheme))
}

fn without_scheme(value: &[u8]) -> &[u8] {
    match value.split_at_checked(BEARER.len()) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(BEARER.as_bytes()) => {
            token.trim_ascii_start()
        }
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn token(headers: &[(&'static str, &'static str)]) -> Option<String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        token_of(&map).map(|token| String::from_utf8(token.to_vec()).unwrap())
    }

    #[test]
    fn the_header_of_its_own_comes_first() {
        assert_eq!(token(&[]), None);
        assert_eq!(token(&[("x-auth-token", "a")]).unwrap(), "a");
        assert_eq!(token(&[("authorization", "Bearer b")]).unwrap(), "b");
        assert_eq!(token(&[("authorization", "bearer  b")]).unwrap(), "b");
        assert_eq!(token(&[("authorization", "b")]).unwrap(), "b");
        assert_eq!(
            token(&[("authorization", "Bearer b"), ("x-auth-token", "a")]).unwrap(),
            "a"
        );
        assert_eq!(
            token(&[("x-auth-token", " "), ("authorization", "Bearer b")]).unwrap(),
            "b"
        );
    }
}
