//! What the endpoints of release 3 have in common.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use muster_platform::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::error::to_json;
use crate::frame::{Failure, FailureKind};

/// JSON.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    let headers = [(CONTENT_TYPE, "application/json")];
    (status, headers, to_json(value)).into_response()
}

/// A time as Duffy 3 writes it; given in microseconds since 1970 UTC.
pub(super) fn time(microseconds: i64) -> String {
    Timestamp::from_micros(microseconds).to_rfc3339()
}

/// A number in a path.
pub(super) fn number(id: Result<Path<String>, PathRejection>) -> Result<i64, Failure> {
    let parsed = id.ok().and_then(|Path(id)| id.parse().ok());
    parsed.ok_or_else(|| unprocessable("id: a valid integer is needed"))
}

/// A body. What cannot be used is 422, as `FastAPI` has it; but the detail is a text, since Duffy's client takes no other.
pub(super) fn body<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| unprocessable(format!("body: {error}")))
}

pub(super) fn not_found() -> Failure {
    Failure::new(FailureKind::NotFound, "Not Found")
}

pub(super) fn forbidden(detail: impl Into<std::borrow::Cow<'static, str>>) -> Failure {
    Failure::new(FailureKind::Forbidden, detail)
}

pub(super) fn unprocessable(detail: impl Into<std::borrow::Cow<'static, str>>) -> Failure {
    Failure::new(FailureKind::Unprocessable, detail)
}
