//! Failures of our own endpoints: problem details (RFC 9457).

use serde::Serialize;
use utoipa::ToSchema;

use crate::frame::{Failure, Occasion, Rendered};

/// Problem details (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem<'a> {
    /// `about:blank`: the status says it all.
    #[schema(example = "about:blank")]
    pub(super) r#type: &'a str,
    /// Reason phrase of the HTTP status.
    #[schema(example = "Not Found")]
    pub(super) title: &'a str,
    /// The HTTP status.
    #[schema(example = 404)]
    pub(super) status: u16,
    /// What is wrong.
    pub(super) detail: &'a str,
    /// Path of the request.
    pub(super) instance: &'a str,
    /// The request's id, by which the log knows it.
    pub(super) request_id: &'a str,
}

pub(super) fn render(failure: &Failure, occasion: &Occasion<'_>) -> Rendered {
    let status = failure.kind().status();
    let problem = Problem {
        r#type: "about:blank",
        title: status.canonical_reason().unwrap_or_default(),
        status: status.as_u16(),
        detail: failure.message(),
        instance: occasion.path,
        request_id: occasion.request_id,
    };
    Rendered {
        status,
        content_type: "application/problem+json",
        // Texts and a number always become JSON.
        body: serde_json::to_vec(&problem).unwrap_or_default().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::FailureKind;

    #[test]
    fn says_what_and_where() {
        let failure = Failure::new(FailureKind::NotFound, "there is nothing at this path");
        let rendered = render(
            &failure,
            &Occasion {
                request_id: "r-1",
                path: "/nowhere",
            },
        );
        assert_eq!(rendered.status, 404);
        assert_eq!(
            serde_json::from_slice::<serde_json::Value>(&rendered.body).unwrap(),
            serde_json::json!({
                "type": "about:blank",
                "title": "Not Found",
                "status": 404,
                "detail": "there is nothing at this path",
                "instance": "/nowhere",
                "request_id": "r-1",
            })
        );
    }
}
