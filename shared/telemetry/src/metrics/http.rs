//! HTTP requests answered.

use std::time::Duration;

use opentelemetry::{KeyValue, StringValue};

use super::instruments::Instruments;
use crate::names::{self, value};

/// Methods a request is counted under by name; these are the ones of the conventions.
const KNOWN_METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
];

/// From this status on a request has failed on our side.
const FIRST_SERVER_ERROR: u16 = 500;

/// What a request is counted by.
#[derive(Debug, Clone)]
pub struct HttpRequest {
    /// The method as sent; any that is not known counts as `_OTHER`.
    pub method: StringValue,
    /// The route that matched, such as `/api/jobs/{id}`; never the path, which has ids in it.
    /// Empty when none matched.
    pub route: StringValue,
    /// The status answered.
    pub status: u16,
    /// The foreign HTTP API, such as `clustercockpit`; `muster` for our own.
    pub dialect: &'static str,
}

/// `method`, or what stands for all methods that are not known: clients must not be able to make up
/// label values.
#[must_use]
pub(super) fn known_method(method: &str) -> &'static str {
    KNOWN_METHODS
        .into_iter()
        .find(|known| *known == method)
        .unwrap_or(value::OTHER_METHOD)
}

pub(super) fn record(instruments: &Instruments, request: HttpRequest, elapsed: Duration) {
    let method = known_method(request.method.as_str());
    let labels = [
        KeyValue::new(names::HTTP_REQUEST_METHOD, method),
        KeyValue::new(names::HTTP_ROUTE, request.route),
        KeyValue::new(names::HTTP_RESPONSE_STATUS_CODE, i64::from(request.status)),
        KeyValue::new(names::MUSTER_DIALECT, request.dialect),
    ];
    let seconds = elapsed.as_secs_f64();
    if request.status < FIRST_SERVER_ERROR {
        instruments.http_duration.record(seconds, &labels);
    } else {
        let [method, route, status, dialect] = labels;
        let error = KeyValue::new(names::ERROR_TYPE, request.status.to_string());
        instruments
            .http_duration
            .record(seconds, &[method, route, status, dialect, error]);
    }
}
