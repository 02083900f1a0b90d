//! Why a request failed, said without any dialect: handlers return a [`Failure`], and the frame has
//! the request's dialect write it in its own form.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

/// What a client is told to wait before it tries again.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A request that failed: what its client is told, and what is told to the operator besides.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    kind: FailureKind,
    message: Cow<'static, str>,
    internal: Option<String>,
    retry_after: Option<Duration>,
    code: Option<&'static str>,
    data: Option<Box<Value>>,
}

/// How it failed. The status is that of most dialects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// The client's mistake: 400.
    Invalid,
    /// Who calls is not known: 401.
    Unauthenticated,
    /// Who calls may not do that: 403.
    Forbidden,
    /// Nothing is there: 404.
    NotFound,
    /// Something is there, but not for this method: 405.
    MethodNotAllowed,
    /// Understood, and more than there can ever be: 406.
    NotAcceptable,
    /// The client took too long to send its request: 408.
    TooSlow,
    /// Something else is in its place already: 409.
    Conflict,
    /// The body is too large: 413.
    TooLarge,
    /// The path and query are too long: 414.
    UriTooLong,
    /// Understood, and forbidden by the state of things: 422.
    Unprocessable,
    /// Too often in too short a time: 429.
    TooMany,
    /// Our mistake: 500.
    Broken,
    /// Cannot be done at this moment, and has not been: 503.
    Unavailable,
    /// Not done within the time a request may take: 504.
    NotYet,
}

impl FailureKind {
    /// The HTTP status.
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::Invalid => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotYet => StatusCode::GATEWAY_TIMEOUT,
        }
    }
}

impl Failure {
    /// A failure with what its client is told.
    pub(crate) fn new(kind: FailureKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            message: message.into(),
            internal: None,
            retry_after: match kind {
                FailureKind::Unavailable => Some(RETRY_AFTER),
                _ => None,
            },
            code: None,
            data: None,
        }
    }

    /// The client's mistake.
    pub(crate) fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(FailureKind::Invalid, message)
    }

    /// Our mistake: the client is told no more than that, the log why.
    pub(crate) fn broken(internal: impl Into<String>) -> Self {
        Self::new(FailureKind::Broken, "internal error").because(internal)
    }

    /// With the cause, for the log alone.
    pub(crate) fn because(mut self, internal: impl Into<String>) -> Self {
        self.internal = Some(internal.into());
        self
    }

    /// With how long to wait before trying again.
    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// With the dialect's own name for it, where the kind does not say enough.
    pub(crate) fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// With what programs are told besides, in dialects that can say it.
    pub(crate) fn data(mut self, data: Value) -> Self {
        self.data = Some(Box::new(data));
        self
    }

    /// How long to wait before trying again, where that is of any use.
    pub(crate) fn wait(&self) -> Option<Duration> {
        self.retry_after
    }

    /// How it failed.
    pub(crate) fn kind(&self) -> FailureKind {
        self.kind
    }

    /// The dialect's own name for it, if one was given.
    pub(crate) fn given_code(&self) -> Option<&'static str> {
        self.code
    }

    /// What programs are told besides.
    pub(crate) fn given_data(&self) -> Option<&Value> {
        self.data.as_deref()
    }

    /// What the client is told.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// What the log is told.
    pub(crate) fn for_the_log(&self) -> Cow<'_, str> {
        match &self.internal {
            Some(internal) => Cow::Owned(format!("{}: {internal}", self.message)),
            None => Cow::Borrowed(&self.message),
        }
    }
}

/// Carries the failure to the frame, which knows the dialect.
impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.kind.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_not_told_what_is_for_the_log() {
        let failure = Failure::broken("row 7 has no cluster");
        assert_eq!(failure.message(), "internal error");
        assert_eq!(
            failure.for_the_log(),
            "internal error: row 7 has no cluster"
        );
        let response = failure.into_response();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(response.extensions().get::<Failure>().is_some());
    }
}
