//! Failures in this dialect's form: problem documents (`api/backendai.md` §1). Clients read `type` and `title` of each, and of some
//! `data`.

use axum::body::Bytes;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::frame::{Failure, FailureKind, Occasion, Rendered};

/// What the names of problems begin with.
const TYPE_PREFIX: &str = "https://api.backend.ai/probs/";

/// Date, version or `Authorization` cannot be read.
pub(super) const INVALID_AUTH: &str = "invalid-auth-params";
/// No image goes by that name.
pub(super) const NO_IMAGE: &str = "image-not-found";
/// There is no such scaling group.
pub(super) const NO_SCALING_GROUP: &str = "scaling-group-not-found";
/// There is no such session.
pub(super) const NO_SESSION: &str = "session-not-found";
/// Several sessions begin like that.
pub(super) const SEVERAL_SESSIONS: &str = "too-many-sessions-matched";
/// There is one of that name.
pub(super) const SESSION_EXISTS: &str = "session-already-exists";
/// More than the owner may ever have.
pub(super) const OVER_QUOTA: &str = "quota-exceeded";
/// The restart came to nothing.
pub(super) const RESTART_FAILED: &str = "kernel-restart-failed";
/// The caller's role does not allow it.
pub(super) const NO_PRIVILEGE: &str = "insufficient-privilege";

/// A failure.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem<'a> {
    /// Its name.
    #[schema(example = "https://api.backend.ai/probs/session-not-found")]
    r#type: String,
    /// The same for people.
    #[schema(example = "No such session.")]
    title: &'a str,
    /// What is wrong.
    msg: &'a str,
    /// What programs have to know: the fields that are wrong, by name; `existingSessionId`; `matches`; the errors of a GraphQL query.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    data: Option<&'a Value>,
}

pub(super) fn render(failure: &Failure, _: &Occasion<'_>) -> Rendered {
    let slug = failure.given_code().unwrap_or_else(|| slug(failure.kind()));
    Rendered {
        status: failure.kind().status(),
        content_type: "application/problem+json",
        body: json(&Problem {
            r#type: format!("{TYPE_PREFIX}{slug}"),
            title: title(slug),
            msg: failure.message(),
            data: failure.given_data(),
        }),
    }
}

/// The name of a problem that has none of its own.
fn slug(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Invalid | FailureKind::Unprocessable => "invalid-api-params",
        FailureKind::Unauthenticated => "auth-failed",
        FailureKind::Forbidden => "generic-forbidden",
        FailureKind::NotFound => "generic-not-found",
        FailureKind::MethodNotAllowed => "method-not-allowed",
        FailureKind::NotAcceptable => "not-acceptable",
        FailureKind::TooSlow
        | FailureKind::Conflict
        | FailureKind::TooLarge
        | FailureKind::UriTooLong => "generic-bad-request",
        FailureKind::TooMany => "rate-limit-exceeded",
        FailureKind::Broken => "internal-server-error",
        FailureKind::Unavailable | FailureKind::NotYet => "service-unavailable",
    }
}

/// What Backend.AI's manager 20.03 calls a problem; where it knows none of that name, in its words.
fn title(slug: &str) -> &'static str {
    match slug {
        "invalid-api-params" => "Missing or invalid API parameters.",
        INVALID_AUTH => "Missing or invalid authorization parameters.",
        "auth-failed" => "Credential/signature mismatch.",
        "generic-forbidden" => "Forbidden operation.",
        NO_PRIVILEGE => "Insufficient privilege.",
        "generic-not-found" => "Unknown URL path.",
        NO_IMAGE => "No such environment image.",
        NO_SCALING_GROUP => "No such scaling group.",
        NO_SESSION => "No such session.",
        SEVERAL_SESSIONS => "Too many sessions matched.",
        SESSION_EXISTS => "The session already exists but you requested not to reuse existing one.",
        OVER_QUOTA => "You have reached your resource limit.",
        "not-acceptable" => "The requested resources exceed what there is.",
        "method-not-allowed" => "HTTP Method Not Allowed.",
        "rate-limit-exceeded" => "You have reached your API query rate limit.",
        RESTART_FAILED => "Session restart has failed.",
        "internal-server-error" => "Internal server error.",
        "service-unavailable" => "Service unavailable.",
        "graphql-error" => "GraphQL-generated error.",
        _ => "Bad request.",
    }
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
    use serde_json::json;

    use super::*;

    fn rendered(failure: &Failure) -> (u16, Value) {
        let occasion = Occasion {
            request_id: "1",
            path: "/session",
        };
        let rendered = render(failure, &occasion);
        assert_eq!(rendered.content_type, "application/problem+json");
        let body = serde_json::from_slice(&rendered.body).unwrap();
        (rendered.status.as_u16(), body)
    }

    #[test]
    fn every_failure_has_a_type_and_a_title() {
        for (kind, status, slug) in [
            (FailureKind::Invalid, 400, "invalid-api-params"),
            (FailureKind::Unauthenticated, 401, "auth-failed"),
            (FailureKind::Forbidden, 403, "generic-forbidden"),
            (FailureKind::NotFound, 404, "generic-not-found"),
            (FailureKind::MethodNotAllowed, 405, "method-not-allowed"),
            (FailureKind::NotAcceptable, 406, "not-acceptable"),
            (FailureKind::TooLarge, 413, "generic-bad-request"),
            (FailureKind::Unprocessable, 422, "invalid-api-params"),
            (FailureKind::TooMany, 429, "rate-limit-exceeded"),
            (FailureKind::Broken, 500, "internal-server-error"),
            (FailureKind::Unavailable, 503, "service-unavailable"),
            (FailureKind::NotYet, 504, "service-unavailable"),
        ] {
            let (rendered_status, body) = rendered(&Failure::new(kind, "why"));
            assert_eq!(rendered_status, status);
            assert_eq!(body["type"], format!("{TYPE_PREFIX}{slug}"));
            assert!(!body["title"].as_str().unwrap().is_empty());
            assert_eq!(body["msg"], "why");
            assert_eq!(body.get("data"), None);
        }
    }

    #[test]
    fn a_name_of_its_own_comes_first() {
        let failure = Failure::invalid("there is one")
            .code(SESSION_EXISTS)
            .data(json!({"existingSessionId": "7"}));
        let expected = json!({
            "type": "https://api.backend.ai/probs/session-already-exists",
            "title": "The session already exists but you requested not to reuse existing one.",
            "msg": "there is one",
            "data": {"existingSessionId": "7"},
        });
        assert_eq!(rendered(&failure), (400, expected));
    }
}
