//! Failures in this dialect's form: `{"status":"Bad Request","error":"…"}`.

use muster_clustercockpit::RequestError;
use serde::Serialize;
use utoipa::ToSchema;

use super::writing::to_json;
use crate::frame::{Failure, FailureKind, Occasion, Rendered};

/// A failure.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ErrorResponse<'a> {
    /// Reason phrase of the HTTP status.
    #[schema(example = "Bad Request")]
    pub(super) status: &'a str,
    /// What is wrong.
    pub(super) error: &'a str,
}

pub(super) fn render(failure: &Failure, _: &Occasion<'_>) -> Rendered {
    let status = failure.kind().status();
    Rendered {
        status,
        content_type: "application/json",
        body: to_json(&ErrorResponse {
            status: status.canonical_reason().unwrap_or_default(),
            error: failure.message(),
        }),
    }
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Invalid(message) => Failure::invalid(message),
            RequestError::Forbidden(message) => Failure::new(FailureKind::Forbidden, message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_one_line_of_json_that_is_safe_in_html() {
        let failure = Failure::invalid("no such cluster: <a & b>");
        let occasion = Occasion {
            request_id: "1",
            path: "/api/jobs/",
        };
        let rendered = render(&failure, &occasion);
        assert_eq!(rendered.status, 400);
        assert_eq!(
            rendered.body,
            "{\"status\":\"Bad Request\",\"error\":\"no such cluster: \\u003ca \\u0026 b\\u003e\"}\n"
        );
    }
}
