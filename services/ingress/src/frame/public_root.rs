//! Where the client reaches us: for answers that hold addresses.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::uri::Authority;

use super::Ingress;

/// What addresses begin with if neither the operator nor the request says better.
const NOWHERE: &str = "http://localhost";

/// Bytes of a host and its port.
const HOST_LIMIT: usize = 300;

/// Scheme and host, without a slash at the end: the setting `ingress.public_url`, else the host that the request names.
#[derive(Debug, Clone)]
pub(crate) struct PublicRoot(pub(crate) String);

impl FromRequestParts<Ingress> for PublicRoot {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, ingress: &Ingress) -> Result<Self, Infallible> {
        let named = || {
            let header = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
            let host = header.or_else(|| parts.uri.authority().map(Authority::as_str));
            of_host(host)
        };
        Ok(Self(ingress.public_url.clone().unwrap_or_else(named)))
    }
}

/// A client gets back what it said, if it can be a host at all.
fn of_host(host: Option<&str>) -> String {
    let in_hosts = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    host.filter(|host| (1..=HOST_LIMIT).contains(&host.len()) && host.bytes().all(in_hosts))
        .map_or_else(|| NOWHERE.to_owned(), |host| format!("http://{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_taken_as_it_is_if_it_can_be_one() {
        for host in ["127.0.0.1:8080", "muster.example.org", "[::1]:80"] {
            assert_eq!(of_host(Some(host)), format!("http://{host}"));
        }
        let too_long = "x".repeat(HOST_LIMIT + 1);
        for host in [
            None,
            Some(""),
            Some("a/b"),
            Some("a\"b"),
            Some("u@h"),
            Some(&too_long),
        ] {
            assert_eq!(of_host(host), NOWHERE, "{host:?}");
        }
    }
}
