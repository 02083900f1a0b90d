//! Web sockets (RFC 6455): a request for one, and the answer that makes it one.
//!
//! axum's own cannot be used here: it leaves the connection to hyper, which then cannot be ended as `connection.rs` ends it.

use std::future::Future;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use axum::response::Response;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_util::sync::CancellationToken;

use super::handover::{HandedOver, Handover};
use super::{Failure, Ingress};

/// The version of the protocol that there is.
const PROTOCOL: &str = "13";

/// A web socket.
pub(crate) type WebSocket = WebSocketStream<TcpStream>;

/// A request for a web socket.
pub(crate) struct WebSocketRequest {
    accept: HeaderValue,
    handover: Handover,
    message_limit: usize,
    /// What the client offers to speak over it.
    offered: Vec<String>,
    protocol: Option<&'static str>,
}

impl WebSocketRequest {
    /// Speaks the first of these protocols that the client offers (RFC 6455, 1.9); `None` = it offers none of them.
    pub(crate) fn speak(&mut self, known: &[&'static str]) -> Option<&'static str> {
        let mut offered = self.offered.iter();
        self.protocol =
            offered.find_map(|offered| known.iter().copied().find(|known| known == offered));
        self.protocol
    }

    /// The answer after which `talk` has the socket. It has to end soon after the token does.
    pub(crate) fn accept<T, F>(self, talk: T) -> Response
    where
        T: FnOnce(WebSocket, CancellationToken) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let config = WebSocketConfig::default()
            .max_message_size(Some(self.message_limit))
            .max_frame_size(Some(self.message_limit));
        self.handover.to(Box::new(move |handed_over: HandedOver| {
            Box::pin(async move {
                let HandedOver {
                    stream,
                    ahead,
                    stop,
                } = handed_over;
                let socket = WebSocketStream::from_partially_read(
                    stream,
                    ahead.to_vec(),
                    Role::Server,
                    Some(config),
                );
                talk(socket.await, stop).await;
            })
        }));
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, self.accept);
        if let Some(protocol) = self.protocol {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
        }
        response
    }
}

impl FromRequestParts<Ingress> for WebSocketRequest {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, ingress: &Ingress) -> Result<Self, Failure> {
        let accept = accept_of(parts).ok_or_else(|| {
            Failure::invalid("this path is for web sockets of version 13 over HTTP/1.1")
        })?;
        let handover = parts.extensions.get::<Handover>().cloned();
        Ok(Self {
            accept,
            handover: handover
                .ok_or_else(|| Failure::broken("the request did not come over a connection"))?,
            message_limit: ingress.limits.body,
            offered: words(&parts.headers, &SEC_WEBSOCKET_PROTOCOL)
                .map(str::to_owned)
                .collect(),
            protocol: None,
        })
    }
}

/// The answer to a client's key, if it asks for a web socket.
fn accept_of(parts: &Parts) -> Option<HeaderValue> {
    let headers = &parts.headers;
    let is_one = parts.method == Method::GET
        && parts.version == Version::HTTP_11
        && has_word(headers, &CONNECTION, "upgrade")
        && has_word(headers, &UPGRADE, "websocket")
        && has_word(headers, &SEC_WEBSOCKET_VERSION, PROTOCOL);
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|_| is_one)?;
    HeaderValue::from_str(&derive_accept_key(key.as_bytes())).ok()
}

fn has_word(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    words(headers, name).any(|word| word.eq_ignore_ascii_case(wanted))
}

fn words<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn accept(change: impl FnOnce(&mut Parts)) -> Option<String> {
        let (mut parts, ()) = Request::builder()
            .uri("/stream/session/x/execute")
            .header("connection", "keep-alive, Upgrade")
            .header("upgrade", "WebSocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .body(())
            .unwrap()
            .into_parts();
        change(&mut parts);
        accept_of(&parts).map(|accept| accept.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_example_of_rfc_6455() {
        assert_eq!(
            accept(|_| {}).as_deref(),
            Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        );
    }

    #[test]
    fn anything_else_is_none() {
        let others: [fn(&mut Parts); 6] = [
            |parts| parts.method = Method::POST,
            |parts| parts.version = Version::HTTP_10,
            |parts| drop(parts.headers.remove("connection")),
            |parts| drop(parts.headers.remove("upgrade")),
            |parts| drop(parts.headers.remove("sec-websocket-key")),
            |parts| {
                let older = HeaderValue::from_static("8");
                parts.headers.insert("sec-websocket-version", older);
            },
        ];
        for change in others {
            assert_eq!(accept(change), None);
        }
    }
}
