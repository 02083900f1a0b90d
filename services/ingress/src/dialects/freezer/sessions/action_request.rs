//! What a scheduler says of a job of a session: that it wants to start, or has ended (`api/freezer.md` §1.4).

use muster_contract::session::RunResult;
use muster_contract::session::limits::{ID_LIMIT, is_valid_id};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::super::body::value;
use crate::frame::{Failure, FailureKind};

/// What a scheduler says: one of these.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description; the body is read by hand")]
pub(super) struct ActionRequest {
    /// A job wants to start.
    start: Option<StartRequest>,
    /// A job has ended.
    end: Option<EndRequest>,
}

/// A job wants to start.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description; the body is read by hand")]
struct StartRequest {
    /// The job.
    job_id: String,
    /// Tag of the last run that it knows of: a number, or one as a text.
    #[schema(value_type = i64)]
    current_tag: Value,
}

/// A job has ended.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description; the body is read by hand")]
struct EndRequest {
    /// The job.
    job_id: String,
    /// Tag of the run that it belongs to.
    #[schema(value_type = i64)]
    current_tag: Value,
    /// `success`, `fail` or `aborted`.
    #[schema(example = "success")]
    result: String,
}

/// What a scheduler says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// A job wants to start.
    Start {
        /// The job.
        job_id: String,
        /// Tag of the last run that it knows of.
        current_tag: i64,
    },
    /// A job has ended.
    End {
        /// The job.
        job_id: String,
        /// Tag of the run that it belongs to.
        current_tag: i64,
        /// How.
        result: RunResult,
    },
}

impl Action {
    pub(super) fn of_body(body: &[u8]) -> Result<Self, Failure> {
        let bad = || Failure::invalid("Bad action request format");
        let body = value(body)?;
        let body = body.as_object().ok_or_else(bad)?;
        let mut members = body.iter();
        let (Some((name, parameters)), None) = (members.next(), members.next()) else {
            return Err(bad());
        };
        let parameters = || {
            parameters.as_object().ok_or_else(|| {
                Failure::invalid(format!("{name}: job_id and current_tag are missing"))
            })
        };
        match name.as_str() {
            "start" => {
                let parameters = parameters()?;
                Ok(Self::Start {
                    job_id: job_id(parameters)?,
                    current_tag: current_tag(parameters)?,
                })
            }
            "end" => {
                let parameters = parameters()?;
                Ok(Self::End {
                    job_id: job_id(parameters)?,
                    current_tag: current_tag(parameters)?,
                    result: result(parameters)?,
                })
            }
            _ => Err(Failure::new(
                FailureKind::MethodNotAllowed,
                "there is no such action: start and end are",
            )),
        }
    }
}

fn job_id(parameters: &Map<String, Value>) -> Result<String, Failure> {
    let id = parameters.get("job_id").and_then(Value::as_str);
    id.filter(|id| is_valid_id(id))
        .map(str::to_owned)
        .ok_or_else(|| {
            Failure::invalid(format!(
                "job_id has to be 1 to {ID_LIMIT} bytes of visible ASCII"
            ))
        })
}

/// The command line of Freezer sends a text, its scheduler a number.
fn current_tag(parameters: &Map<String, Value>) -> Result<i64, Failure> {
    let tag = match parameters.get("current_tag") {
        Some(Value::Number(number)) => number.as_i64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        _ => None,
    };
    tag.ok_or_else(|| Failure::invalid("current_tag has to be a whole number"))
}

fn result(parameters: &Map<String, Value>) -> Result<RunResult, Failure> {
    let result = parameters.get("result").and_then(Value::as_str);
    result
        .and_then(RunResult::from_name)
        .ok_or_else(|| Failure::invalid("result has to be success, fail or aborted"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn action(body: &Value) -> Result<Action, u16> {
        let parsed = Action::of_body(body.to_string().as_bytes());
        parsed.map_err(|failure| failure.kind().status().as_u16())
    }

    #[test]
    fn a_tag_is_a_number_or_a_text_of_one() {
        for tag in [json!(22), json!("22"), json!(" 22 ")] {
            let start = Action::Start {
                job_id: "j".to_owned(),
                current_tag: 22,
            };
            let body = json!({"start": {"job_id": "j", "current_tag": tag}});
            assert_eq!(action(&body), Ok(start));
        }
        let end = json!({"end": {"job_id": "j", "current_tag": -1, "result": "aborted"}});
        let expected = Action::End {
            job_id: "j".to_owned(),
            current_tag: -1,
            result: RunResult::Aborted,
        };
        assert_eq!(action(&end), Ok(expected));
    }

    #[test]
    fn what_makes_no_sense_is_the_clients_mistake() {
        let start = |parameters| json!({"start": parameters});
        let end = |result| json!({"end": {"job_id": "j", "current_tag": 1, "result": result}});
        for (body, status) in [
            (json!(null), 400),
            (json!([]), 400),
            (json!("start"), 400),
            (json!({}), 400),
            (
                json!({"start": {"job_id": "j", "current_tag": 1}, "end": {}}),
                400,
            ),
            (json!({"stop": {"job_id": "j", "current_tag": 1}}), 405),
            (json!({"START": null}), 405),
            (start(json!(null)), 400),
            (start(json!([])), 400),
            (start(json!({})), 400),
            (start(json!({"job_id": "j"})), 400),
            (start(json!({"current_tag": 1})), 400),
            (start(json!({"job_id": 7, "current_tag": 1})), 400),
            (start(json!({"job_id": "", "current_tag": 1})), 400),
            (start(json!({"job_id": "a b", "current_tag": 1})), 400),
            (start(json!({"job_id": "j", "current_tag": "x"})), 400),
            (start(json!({"job_id": "j", "current_tag": ""})), 400),
            (start(json!({"job_id": "j", "current_tag": 1.5})), 400),
            (start(json!({"job_id": "j", "current_tag": 1e99})), 400),
            (start(json!({"job_id": "j", "current_tag": null})), 400),
            (start(json!({"job_id": "j", "current_tag": [1]})), 400),
            (
                start(json!({"job_id": "j", "current_tag": "99999999999999999999"})),
                400,
            ),
            (end(json!("banana")), 400),
            (end(json!("")), 400),
            (end(json!(null)), 400),
            (end(json!(0)), 400),
        ] {
            assert_eq!(action(&body), Err(status), "{body}");
        }
        for body in ["", "{", "{}x"] {
            let failure = Action::of_body(body.as_bytes()).unwrap_err();
            assert_eq!(failure.kind().status(), 400, "{body}");
        }
    }
}
