//! The one function around every handler: gives the request its id, its span and its place in the
//! log and the metrics, and sees to it that whatever fails is answered in the form of the request's
//! dialect. One function and not a tower of layers, because it is on the way of every request.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use muster_platform::Ids;
use muster_telemetry::{Context, Metrics, propagation};
use tracing::Instrument;

use super::limits::URI_LIMIT;
use super::record::Record;
use super::{Dialect, Failure, FailureKind, Occasion, RequestContext};
use crate::dialects;

#[cfg(test)]
mod tests;

/// What is needed to answer any request.
#[derive(Clone)]
pub(super) struct Answering {
    pub(super) ids: Arc<dyn Ids>,
    pub(super) metrics: Metrics,
}

/// Answers the request.
pub(super) async fn answer(
    State(answering): State<Answering>,
    mut request: Request,
    next: Next,
) -> Response {
    let dialect = dialects::of(request.uri().path());
    let context = Arc::new(RequestContext::new(
        request.headers(),
        dialect,
        answering.ids.as_ref(),
    ));
    request.extensions_mut().insert(Arc::clone(&context));
    let mut record = Record::new(&request, Arc::clone(&context), answering.metrics);

    let has_body = !request.body().is_end_stream();
    let span = record.span().clone();
    let response = if uri_length(&request) > URI_LIMIT {
        let message = format!("path and query have more than {URI_LIMIT} bytes");
        Failure::new(FailureKind::UriTooLong, message).into_response()
    } else {
        let handler = AssertUnwindSafe(next.run(request)).catch_unwind();
        let handler = handler.instrument(span.clone());
        match propagation::within(record.untraced(), handler).await {
            Ok(response) => response,
            Err(panic) => Failure::broken(panic_message(panic.as_ref())).into_response(),
        }
    };
    let _entered = span.enter();
    let _untraced = record.untraced().map(Context::attach);
    let (mut response, failure) = rendered(response, &context, record.path());
    context.add_headers(response.headers_mut());
    if has_body && context.body_read.get().is_none() {
        // What was not read is not skipped: no other request can follow on this connection. A client that is not told
        // may send one all the same, and gets no answer to it.
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    record.finish(&response, failure.as_ref());
    response
}

fn uri_length(request: &Request) -> usize {
    let uri = request.uri();
    uri.path_and_query()
        .map_or_else(|| uri.path().len(), |whole| whole.as_str().len())
}

/// A failure in the form of the request's dialect, anything else as it is.
fn rendered(
    mut response: Response,
    context: &RequestContext,
    path: &str,
) -> (Response, Option<Failure>) {
    let Some(failure) = response.extensions_mut().remove::<Failure>() else {
        return (response, None);
    };
    let occasion = Occasion {
        request_id: context.request_id(),
        path,
    };
    let rendered = (context.dialect.render)(&failure, &occasion);
    let mut answer = Response::new(Body::from(rendered.body));
    *answer.status_mut() = rendered.status;
    let headers = answer.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static(rendered.content_type),
    );
    // The router's own, on a wrong method.
    if let Some(allowed) = response.headers_mut().remove(ALLOW) {
        headers.insert(ALLOW, allowed);
    }
    add_headers_of(&failure, context.dialect, headers);
    (answer, Some(failure))
}

fn add_headers_of(failure: &Failure, dialect: &Dialect, headers: &mut HeaderMap) {
    if let Some(wait) = failure.wait() {
        headers.insert(RETRY_AFTER, wait.as_secs().into());
    }
    if failure.kind() == FailureKind::Unauthenticated {
        let challenge = HeaderValue::from_static(dialect.challenge);
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the handler panicked: {}", message.unwrap_or("no message"))
}
