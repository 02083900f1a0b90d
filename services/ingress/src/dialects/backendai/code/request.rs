//! A request to run code (`api/backendai.md` §2): the same members in a body and in the first frame of a web socket.

use muster_contract::agent::CodeMode;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::super::fields::{Fields, wrong};
use crate::frame::Failure;

/// Characters of the id of a run.
const RUN_LIMIT: usize = 128;

/// The request in the description.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "a description; the body is read by hand")]
pub(super) struct CodeBody {
    /// `query`: runs `code`. `continue`: goes on with it. `input`: `code` is a line that it waits for.
    #[schema(example = "query")]
    mode: String,
    /// The code, or the line.
    code: Option<String>,
    /// The run that is gone on with; of a new one `null`, or whatever the client wants to call it.
    run_id: Option<String>,
}

/// A request to run code.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CodeRequest {
    /// `None` = a new run, to be named here.
    pub(super) run: Option<String>,
    pub(super) mode: CodeMode,
}

impl CodeRequest {
    /// What the body of a request says.
    pub(super) fn of_body(body: &Map<String, Value>) -> Result<Self, Failure> {
        let fields = Fields::of(body);
        if !fields.has("runId") {
            return Err(wrong("runId", "is missing; of a new run it is null"));
        }
        Self::of(fields)
    }

    /// What the first frame of a web socket says. The socket is the run.
    pub(super) fn of_frame(frame: &Map<String, Value>) -> Result<Self, Failure> {
        let request = Self::of(Fields::of(frame))?;
        match request.mode {
            CodeMode::Query { .. } => Ok(request),
            _ => Err(wrong("mode", "has to be query")),
        }
    }

    fn of(fields: Fields<'_>) -> Result<Self, Failure> {
        let run = fields.text(&["runId"])?.filter(|run| !run.is_empty());
        if run.is_some_and(|run| run.len() > RUN_LIMIT) {
            return Err(wrong(
                "runId",
                &format!("has to be {RUN_LIMIT} characters at most"),
            ));
        }
        let code = fields.text(&["code"])?.unwrap_or_default().to_owned();
        let mode = match fields.text(&["mode"])? {
            Some("query") => CodeMode::Query { code },
            Some("continue") => CodeMode::Continue,
            Some("input") => CodeMode::Input { text: code },
            _ => return Err(wrong("mode", "has to be query, continue or input")),
        };
        if run.is_none() && !matches!(mode, CodeMode::Query { .. }) {
            return Err(wrong("runId", "is missing: there is nothing to go on with"));
        }
        Ok(Self {
            run: run.map(str::to_owned),
            mode,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of_body(body: &Value) -> Result<CodeRequest, Failure> {
        CodeRequest::of_body(body.as_object().unwrap())
    }

    #[test]
    fn every_mode_is_read() {
        let code = "print(1)".to_owned();
        for (body, run, mode) in [
            (
                json!({"mode": "query", "code": "print(1)", "runId": null, "options": {}}),
                None,
                CodeMode::Query { code: code.clone() },
            ),
            (
                json!({"mode": "query", "code": "print(1)", "runId": "7"}),
                Some("7"),
                CodeMode::Query { code },
            ),
            (
                json!({"mode": "continue", "code": "", "runId": "7"}),
                Some("7"),
                CodeMode::Continue,
            ),
            (
                json!({"mode": "input", "code": "line", "runId": "7"}),
                Some("7"),
                CodeMode::Input {
                    text: "line".to_owned(),
                },
            ),
        ] {
            let run = run.map(str::to_owned);
            assert_eq!(of_body(&body).unwrap(), CodeRequest { run, mode });
        }
    }

    #[test]
    fn mistakes_are_the_clients() {
        for body in [
            json!({}),
            json!({"mode": "query", "code": "1"}),
            json!({"runId": null}),
            json!({"mode": "batch", "runId": null}),
            json!({"mode": "continue", "runId": null}),
            json!({"mode": "input", "code": "x", "runId": ""}),
            json!({"mode": "query", "code": 1, "runId": null}),
            json!({"mode": "query", "code": "1", "runId": "x".repeat(RUN_LIMIT + 1)}),
        ] {
            assert_eq!(of_body(&body).unwrap_err().kind().status(), 400, "{body}");
        }
    }

    #[test]
    fn a_socket_begins_with_code() {
        let of_frame = |frame: Value| CodeRequest::of_frame(frame.as_object().unwrap());
        let frame = json!({"mode": "query", "code": "1", "options": {}});
        assert!(of_frame(frame).is_ok());
        assert!(of_frame(json!({"mode": "continue", "runId": "7"})).is_err());
        assert!(of_frame(json!({"mode": "batch", "code": ""})).is_err());
    }
}
