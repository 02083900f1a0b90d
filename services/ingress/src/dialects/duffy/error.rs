//! Failures in this dialect's form: `{"detail":"…"}` in release 3, `{"msg":"…"}` in the legacy API. There it decides
//! whether a client tries again: cico does so only if what it reads is no JSON (`api/duffy.md`, fact 3). So what may go well
//! the next time is plain text.

use axum::body::Bytes;
use serde::Serialize;
use utoipa::ToSchema;

use super::V1;
use crate::frame::{Failure, FailureKind, Occasion, Rendered};

/// A failure of the API of release 3.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Detail<'a> {
    /// What is wrong.
    #[schema(example = "Not Found")]
    pub(super) detail: &'a str,
}

/// A failure of the legacy API that is no use to try again.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Msg<'a> {
    /// What is wrong.
    #[schema(example = "Invalid session ID")]
    pub(super) msg: &'a str,
}

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

pub(super) fn render(failure: &Failure, occasion: &Occasion<'_>) -> Rendered {
    let message = failure.message();
    let modern = V1.iter().any(|path| occasion.path.starts_with(path));
    let (content_type, body) = if modern {
        (JSON, to_json(&Detail { detail: message }))
    } else if may_go_well_later(failure.kind()) {
        (TEXT, format!("{message}\n").into())
    } else {
        (JSON, to_json(&Msg { msg: message }))
    };
    Rendered {
        status: failure.kind().status(),
        content_type,
        body,
    }
}

fn may_go_well_later(kind: FailureKind) -> bool {
    use FailureKind::{Broken, NotYet, TooSlow, Unavailable};
    matches!(kind, Unavailable | NotYet | TooSlow | Broken)
}

/// The value as JSON and, as Flask has it, a newline.
pub(super) fn to_json(value: &impl Serialize) -> Bytes {
    let mut json = Vec::with_capacity(256);
    // Nothing here has keys that are no text, and writing to memory does not fail.
    if let Err(error) = serde_json::to_writer(&mut json, value) {
        tracing::error!(target: "muster::ingress", %error, "cannot write JSON");
    }
    json.push(b'\n');
    json.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(kind: FailureKind, path: &str) -> (u16, &'static str, Bytes) {
        let occasion = Occasion {
            request_id: "1",
            path,
        };
        let rendered = render(&Failure::new(kind, "no \"x\""), &occasion);
        (
            rendered.status.as_u16(),
            rendered.content_type,
            rendered.body,
        )
    }

    #[test]
    fn what_may_go_well_the_next_time_is_plain_text_to_old_clients() {
        for (kind, status) in [
            (FailureKind::Unavailable, 503),
            (FailureKind::NotYet, 504),
            (FailureKind::TooSlow, 408),
            (FailureKind::Broken, 500),
        ] {
            let (got, content_type, body) = rendered(kind, "/Node/get");
            assert_eq!((got, content_type), (status, TEXT));
            assert!(serde_json::from_slice::<serde_json::Value>(&body).is_err());
        }
    }

    #[test]
    fn anything_else_is_an_object_that_ends_their_retries() {
        for kind in [
            FailureKind::Invalid,
            FailureKind::Forbidden,
            FailureKind::NotFound,
            FailureKind::MethodNotAllowed,
        ] {
            let (_, content_type, body) = rendered(kind, "/Node/get");
            assert_eq!(content_type, JSON);
            assert_eq!(body, "{\"msg\":\"no \\\"x\\\"\"}\n");
        }
    }

    #[test]
    fn release_3_has_details_whatever_the_failure() {
        for kind in [FailureKind::Unavailable, FailureKind::NotFound] {
            let (_, content_type, body) = rendered(kind, "/api/v1/pools/x");
            assert_eq!(content_type, JSON);
            assert_eq!(body, "{\"detail\":\"no \\\"x\\\"\"}\n");
        }
    }
}
