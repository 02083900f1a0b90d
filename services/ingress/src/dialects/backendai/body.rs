//! JSON bodies of requests, and of answers.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};

use super::error::json;
use crate::frame::Failure;

/// The body as a JSON object; an empty one if there is none. (`Content-Type` is not looked at: clients say what they like.)
pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, Failure> {
    if body.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    let value = serde_json::from_slice(body)
        .map_err(|error| Failure::invalid(format!("the body is no JSON: {error}")))?;
    if has_nul(&value) {
        return Err(Failure::invalid("a text has the character NUL"));
    }
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(Failure::invalid("the body has to be a JSON object")),
    }
}

/// No database takes it, and no process either.
fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_nul),
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| name.contains('\0') || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The value as an answer.
pub(super) fn answer(status: StatusCode, value: &impl Serialize) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], json(value)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_object_is_the_clients_mistake() {
        assert_eq!(object(b" {\"a\": 1} ").unwrap().len(), 1);
        assert!(object(b" ").unwrap().is_empty());
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(1000), "]".repeat(1000));
        for body in ["null", "[]", "1", "{", "{}x", r#"{"a":["\u0000"]}"#, &deep] {
            let failure = object(body.as_bytes()).unwrap_err();
            assert_eq!(failure.kind().status(), 400, "{body}");
        }
        assert!(object(b"{\"a\":\"\xff\"}").is_err());
    }
}
