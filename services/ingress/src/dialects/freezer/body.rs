//! Bodies: JSON objects in, JSON out.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};

use super::error::json;
use crate::frame::Failure;

/// JSON.
pub(super) fn answer(status: StatusCode, value: &impl Serialize) -> Response {
    let headers = [(CONTENT_TYPE, "application/json")];
    (status, headers, json(value)).into_response()
}

/// The answer to a question about something that is not there: no body at all, as clients know it.
pub(super) fn nothing_there() -> Response {
    StatusCode::NOT_FOUND.into_response()
}

/// The body as JSON, `null` if there is none. (`Content-Type` is not looked at: not all clients say it.)
pub(super) fn value(body: &[u8]) -> Result<Value, Failure> {
    if body.trim_ascii().is_empty() {
        return Ok(Value::Null);
    }
    let value = serde_json::from_slice(body)
        .map_err(|error| Failure::invalid(format!("the body is no JSON: {error}")))?;
    if has_nul(&value) {
        return Err(Failure::invalid("a text has the character NUL"));
    }
    Ok(value)
}

/// The body as a JSON object.
pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, Failure> {
    match value(body)? {
        Value::Object(object) => Ok(object),
        Value::Null => Err(Failure::invalid("a JSON object is missing")),
        _ => Err(Failure::invalid("the body has to be a JSON object")),
    }
}

/// No database takes it.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_object_is_the_clients_mistake() {
        assert_eq!(object(b" {\"a\": 1} ").unwrap().len(), 1);
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(1000), "]".repeat(1000));
        for body in [
            "",
            " ",
            "null",
            "[]",
            "1",
            "\"{}\"",
            "{",
            "{}x",
            "{'a': 1}",
            "\u{feff}{}",
            r#"{"a":"\u0000"}"#,
            r#"{"a":[{"\u0000":1}]}"#,
            r#"{"a":"\ud800"}"#,
            r#"{"a":1e999}"#,
            &deep,
        ] {
            let failure = object(body.as_bytes()).unwrap_err();
            assert_eq!(failure.kind().status(), 400, "{body}");
        }
        assert!(object(b"{\"a\":\"\xff\"}").is_err());
    }

    #[test]
    fn an_empty_body_is_null() {
        assert_eq!(value(b"").unwrap(), Value::Null);
        assert_eq!(value(b"\n").unwrap(), Value::Null);
    }
}
