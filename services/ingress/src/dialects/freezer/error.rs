//! Failures in this dialect's form: `{"title", "description"}`, of which clients print the description; in the part of
//! Keystone, Keystone's own.

use axum::body::Bytes;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::identity;
use crate::frame::{Failure, FailureKind, Occasion, Rendered};

/// A failure of Freezer's API.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Description<'a> {
    /// What kind of failure it is.
    #[schema(example = "Bad request format")]
    pub(super) title: &'a str,
    /// What is wrong.
    #[schema(example = "schedule is missing")]
    pub(super) description: &'a str,
}

/// A failure of Keystone's API.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct IdentityError<'a> {
    /// The failure.
    error: IdentityErrorDetail<'a>,
}

/// What a failure of Keystone's API says.
#[derive(Debug, Serialize, ToSchema)]
struct IdentityErrorDetail<'a> {
    /// The HTTP status.
    #[schema(example = 401)]
    code: u16,
    /// What is wrong.
    message: &'a str,
    /// The status in words.
    #[schema(example = "Unauthorized")]
    title: &'a str,
}

pub(super) fn render(failure: &Failure, occasion: &Occasion<'_>) -> Rendered {
    let status = failure.kind().status();
    let message = failure.message();
    let body = if occasion.path.starts_with(identity::PREFIX) {
        json(&IdentityError {
            error: IdentityErrorDetail {
                code: status.as_u16(),
                message,
                title: reason(status),
            },
        })
    } else {
        json(&Description {
            title: title(failure.kind()),
            description: message,
        })
    };
    Rendered {
        status,
        content_type: "application/json",
        body,
    }
}

/// As Freezer's server calls it, where it does.
fn title(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Invalid => "Bad request format",
        FailureKind::Forbidden => "Access Forbidden",
        FailureKind::MethodNotAllowed => "Bad Method",
        kind => reason(kind.status()),
    }
}

fn reason(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or_default()
}

/// The value as JSON.
pub(super) fn json(value: &impl Serialize) -> Bytes {
    let mut json = Vec::with_capacity(512);
    // Nothing here has keys that are no text, and writing to memory does not fail.
    if let Err(error) = serde_json::to_writer(&mut json, value) {
        tracing::error!(target: "muster::ingress", %error, "cannot write JSON");
    }
    json.into()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn rendered(kind: FailureKind, path: &str) -> (u16, Value) {
        let occasion = Occasion {
            request_id: "1",
            path,
        };
        let rendered = render(&Failure::new(kind, "no \"x\""), &occasion);
        (
            rendered.status.as_u16(),
            serde_json::from_slice(&rendered.body).unwrap(),
        )
    }

    #[test]
    fn a_failure_has_a_title_and_a_description() {
        for (kind, status, title) in [
            (FailureKind::Invalid, 400, "Bad request format"),
            (FailureKind::Unauthenticated, 401, "Unauthorized"),
            (FailureKind::Forbidden, 403, "Access Forbidden"),
            (FailureKind::NotFound, 404, "Not Found"),
            (FailureKind::MethodNotAllowed, 405, "Bad Method"),
            (FailureKind::Conflict, 409, "Conflict"),
            (FailureKind::Unprocessable, 422, "Unprocessable Entity"),
            (FailureKind::TooMany, 429, "Too Many Requests"),
            (FailureKind::Broken, 500, "Internal Server Error"),
            (FailureKind::Unavailable, 503, "Service Unavailable"),
        ] {
            let expected = json!({"title": title, "description": "no \"x\""});
            assert_eq!(rendered(kind, "/v2/demo/jobs"), (status, expected));
        }
    }

    #[test]
    fn in_the_part_of_keystone_it_has_keystones_form() {
        let error = json!({"code": 401, "message": "no \"x\"", "title": "Unauthorized"});
        assert_eq!(
            rendered(FailureKind::Unauthenticated, "/v3/auth/tokens"),
            (401, json!({"error": error}))
        );
    }
}
