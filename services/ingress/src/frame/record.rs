//! What is told of a request when it is over: one log line, the metrics, and the span's last
//! attributes.

use std::sync::Arc;
use std::time::Instant;

use axum::body::HttpBody;
use axum::extract::{MatchedPath, Request};
use axum::http::header::{HOST, USER_AGENT};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use muster_telemetry::metrics::HttpRequest;
use muster_telemetry::propagation::Beginning;
use muster_telemetry::{Metrics, names, propagation};
use tracing::{Span, field, info_span};

use super::connection::Peer;
use super::{Failure, RequestContext};

/// What is logged for a request whose client went away: no answer had that status. The number is
/// nginx's, which operators know.
const CLIENT_GONE: u16 = 499;

/// Writes the line of its request, also when the request is dropped because its client went away.
pub(super) struct Record {
    started: Instant,
    method: Method,
    route: Option<MatchedPath>,
    path: String,
    peer: Option<Peer>,
    context: Arc<RequestContext>,
    span: Span,
    /// Of a request that is not traced: what says so to whoever it is passed on to.
    untraced: Option<muster_telemetry::Context>,
    metrics: Metrics,
    told: bool,
}

/// How the request ended.
struct End<'a> {
    status: u16,
    bytes: Option<u64>,
    error: Option<&'a str>,
}

impl Record {
    pub(super) fn new(request: &Request, context: Arc<RequestContext>, metrics: Metrics) -> Self {
        let route = request.extensions().get::<MatchedPath>().cloned();
        let peer = request.extensions().get::<Peer>().copied();
        let (span, untraced) = match propagation::begin(request.headers()) {
            Beginning::Recorded(parent) => {
                let span = span(request, route.as_ref(), peer, &context);
                propagation::set_parent(&span, parent);
                (span, None)
            }
            Beginning::Untraced(context) => (Span::none(), Some(context)),
        };
        Self {
            started: Instant::now(),
            method: request.method().clone(),
            route,
            path: request.uri().path().to_owned(),
            peer,
            context,
            span,
            untraced,
            metrics,
            told: false,
        }
    }

    pub(super) fn span(&self) -> &Span {
        &self.span
    }

    /// Of a request that is not traced: the context to answer it in.
    pub(super) fn untraced(&self) -> Option<muster_telemetry::Context> {
        self.untraced.clone()
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The request is answered.
    pub(super) fn finish(&mut self, response: &Response, failure: Option<&Failure>) {
        let error = failure.map(Failure::for_the_log);
        self.tell(&End {
            status: response.status().as_u16(),
            bytes: response.body().size_hint().exact(),
            error: error.as_deref(),
        });
    }

    fn tell(&mut self, end: &End<'_>) {
        self.told = true;
        let elapsed = self.started.elapsed();
        let route = self.route.as_ref().map_or("", MatchedPath::as_str);
        self.metrics.http_request(
            HttpRequest {
                method: known_method(&self.method)
                    .unwrap_or(names::value::OTHER_METHOD)
                    .into(),
                route: route.to_owned().into(),
                status: end.status,
                dialect: self.context.dialect.name,
            },
            elapsed,
        );
        self.end_span(end);

        // No more digits than tell anything.
        let duration_ms = (elapsed.as_secs_f64() * 1_000_000.0).round() / 1_000.0;
        let principal = self.context.principal.get();
        let correlation_id = &self.context.correlation_id;
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    target: "muster::request",
                    method = self.method.as_str(),
                    route,
                    path = self.path,
                    status = end.status,
                    duration_ms,
                    dialect = self.context.dialect.name,
                    principal = principal.map(|principal| principal.name.as_str()),
                    project = principal.map(|principal| principal.project.as_str()),
                    request_id = self.context.request_id(),
                    %correlation_id,
                    command_id = self.context.command_id.get().map(field::display),
                    bytes = end.bytes,
                    client = self.peer.map(|peer| field::display(peer.0)),
                    error = end.error,
                    "request"
                )
            };
        }
        match end.status {
            0..=399 => line!(info),
            400..=499 => line!(warn),
            _ => line!(error),
        }
    }

    fn end_span(&self, end: &End<'_>) {
        if self.span.is_disabled() {
            return;
        }
        self.span
            .record(names::HTTP_RESPONSE_STATUS_CODE, i64::from(end.status));
        if let Some(principal) = self.context.principal.get() {
            self.span
                .record(names::MUSTER_PRINCIPAL, principal.name.as_str());
            self.span
                .record(names::MUSTER_PROJECT, principal.project.as_str());
        }
        if let Some(id) = self.context.command_id.get() {
            self.span
                .record(names::MUSTER_MESSAGE_ID, field::display(id));
        }
        // To a server's span only its own failures are errors (OpenTelemetry's HTTP conventions).
        if end.status >= StatusCode::INTERNAL_SERVER_ERROR.as_u16() {
            self.span.record(names::field::STATUS_CODE, "error");
            self.span.record(names::ERROR_TYPE, end.status.to_string());
            if let Some(error) = end.error {
                self.span.record(names::field::STATUS_DESCRIPTION, error);
            }
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if !self.told {
            let span = self.span.clone();
            let _entered = span.enter();
            let _untraced = self.untraced.clone().map(muster_telemetry::Context::attach);
            self.tell(&End {
                status: CLIENT_GONE,
                bytes: None,
                error: Some("the client went away before it was answered"),
            });
        }
    }
}

/// The server's span, by OpenTelemetry's HTTP conventions.
fn span(
    request: &Request,
    route: Option<&MatchedPath>,
    peer: Option<Peer>,
    context: &RequestContext,
) -> Span {
    let known = known_method(request.method());
    let span = info_span!(
        target: "muster::http",
        "http",
        otel.name = field::Empty,
        otel.kind = names::kind::SERVER,
        otel.status_code = field::Empty,
        otel.status_description = field::Empty,
        http.request.method = known.unwrap_or(names::value::OTHER_METHOD),
        http.route = route.map(MatchedPath::as_str),
        http.response.status_code = field::Empty,
        url.path = request.uri().path(),
        url.scheme = "http",
        server.address = field::Empty,
        server.port = field::Empty,
        client.address = peer.map(|peer| field::display(peer.0.ip())),
        user_agent.original = field::Empty,
        error.r#type = field::Empty,
        muster.dialect = context.dialect.name,
        muster.principal = field::Empty,
        muster.project = field::Empty,
        muster.message_id = field::Empty,
    );
    if span.is_disabled() {
        return span;
    }
    let name = match (known, route) {
        (Some(method), Some(route)) => names::span::http_server(method, route.as_str()),
        // Without a route the convention has the method alone: never the path, which has ids in it.
        (Some(method), None) => method.to_owned(),
        (None, _) => "HTTP".to_owned(),
    };
    span.record(names::field::NAME, name);
    let text = |name| request.headers().get(name)?.to_str().ok();
    if let Some(host) = text(&HOST) {
        let (address, port) = address_and_port(host);
        span.record(names::SERVER_ADDRESS, address);
        if let Some(port) = port {
            span.record(names::SERVER_PORT, port);
        }
    }
    if let Some(agent) = text(&USER_AGENT) {
        span.record(names::USER_AGENT_ORIGINAL, agent);
    }
    span
}

/// The methods that the conventions list; a client can make up any other.
fn known_method(method: &Method) -> Option<&'static str> {
    Some(match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => return None,
    })
}

/// The two halves of a `Host` header; IPv6 addresses stand in brackets there.
fn address_and_port(host: &str) -> (&str, Option<i64>) {
    match host.rsplit_once(':') {
        Some((address, port)) if !port.ends_with(']') => (address, port.parse().ok()),
        _ => (host, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_header_is_an_address_and_perhaps_a_port() {
        assert_eq!(
            address_and_port("a.example:8080"),
            ("a.example", Some(8080))
        );
        assert_eq!(address_and_port("a.example"), ("a.example", None));
        assert_eq!(address_and_port("[::1]:80"), ("[::1]", Some(80)));
        assert_eq!(address_and_port("[::1]"), ("[::1]", None));
        assert_eq!(address_and_port("a:b"), ("a", None));
    }
}
