//! What clients say of a session (`api/freezer.md` §1.3).

use muster_contract::session::limits::{
    DESCRIPTION_LIMIT, HOLD_OFF_DEFAULT, HOLD_OFF_LIMIT, TAG_LIMIT, is_valid_description,
    is_valid_document,
};
use muster_contract::session::{JobSessionPatch, JobSessionState};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::frame::Failure;

/// A session as its owner describes it. What else stands there is passed over: its jobs and its runs are not said, but made.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description; the body is read by hand")]
pub(super) struct SessionRequest {
    /// When its jobs start; may be empty.
    #[schema(value_type = Object, example = json!({"schedule_interval": "1 days"}))]
    schedule: Value,
    /// What it is.
    description: Option<String>,
    /// Seconds from the start of a run in which others may join it: 30 unless something else is said.
    hold_off: Option<i64>,
    /// Number of the last run; it only ever rises.
    session_tag: Option<i64>,
    /// Only if that is its version.
    _version: Option<i64>,
}

/// All of a session.
pub(super) fn state(body: &Map<String, Value>) -> Result<JobSessionState, Failure> {
    Ok(JobSessionState {
        description: description(body)?.flatten(),
        schedule: schedule(body)?
            .ok_or_else(|| Failure::invalid("schedule is missing; it may be empty"))?,
        hold_off: hold_off(body)?.unwrap_or(HOLD_OFF_DEFAULT),
        tag: tag(body)?.unwrap_or(0),
    })
}

/// Some of a session.
pub(super) fn patch(body: &Map<String, Value>) -> Result<JobSessionPatch, Failure> {
    Ok(JobSessionPatch {
        description: description(body)?,
        schedule: schedule(body)?,
        hold_off: hold_off(body)?,
        tag: tag(body)?,
    })
}

/// The version that the client has seen.
pub(super) fn version(body: &Map<String, Value>) -> Result<Option<i64>, Failure> {
    number(body, "_version", 0, i64::MAX)
}

#[expect(
    clippy::option_option,
    reason = "not said, and said to be nothing, are different"
)]
fn description(body: &Map<String, Value>) -> Result<Option<Option<String>>, Failure> {
    match body.get("description") {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(None)),
        Some(Value::String(text)) if is_valid_description(text) => Ok(Some(Some(text.clone()))),
        Some(_) => Err(Failure::invalid(format!(
            "description has to be a text of {DESCRIPTION_LIMIT} characters at most"
        ))),
    }
}

fn schedule(body: &Map<String, Value>) -> Result<Option<Map<String, Value>>, Failure> {
    match body.get("schedule") {
        None => Ok(None),
        Some(document @ Value::Object(schedule)) if is_valid_document(document) => {
            Ok(Some(schedule.clone()))
        }
        Some(Value::Object(_)) => Err(Failure::invalid("schedule is too long")),
        Some(_) => Err(Failure::invalid("schedule has to be an object")),
    }
}

fn hold_off(body: &Map<String, Value>) -> Result<Option<i64>, Failure> {
    number(body, "hold_off", 0, HOLD_OFF_LIMIT)
}

fn tag(body: &Map<String, Value>) -> Result<Option<i64>, Failure> {
    number(body, "session_tag", 0, TAG_LIMIT)
}

/// `null` says nothing.
fn number(
    body: &Map<String, Value>,
    name: &str,
    least: i64,
    most: i64,
) -> Result<Option<i64>, Failure> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .as_i64()
            .filter(|number| (least..=most).contains(number))
            .map(Some)
            .ok_or_else(|| {
                Failure::invalid(format!(
                    "{name} has to be a whole number from {least} to {most}"
                ))
            }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_schedule_is_all_that_is_needed() {
        let whole = state(&object(&json!({"schedule": {}}))).unwrap();
        assert_eq!(
            (whole.description, whole.hold_off, whole.tag),
            (None, 30, 0)
        );
        let whole = state(&object(&json!({
            "schedule": {"schedule_interval": "1 days"}, "description": "nightly", "hold_off": 5, "session_tag": 3,
            "status": "completed", "jobs": {"x": 1}, "unknown": 7,
        })))
        .unwrap();
        assert_eq!(whole.description.as_deref(), Some("nightly"));
        assert_eq!((whole.hold_off, whole.tag), (5, 3));
        assert_eq!(whole.schedule["schedule_interval"], "1 days");
    }

    #[test]
    fn a_patch_says_only_what_changes() {
        let nothing = patch(&Map::new()).unwrap();
        assert_eq!(nothing, JobSessionPatch::default());
        let some = patch(&object(&json!({"description": null, "hold_off": 0}))).unwrap();
        assert_eq!((some.description, some.hold_off), (Some(None), Some(0)));
        assert_eq!(version(&object(&json!({"_version": 3}))).unwrap(), Some(3));
    }

    #[test]
    fn what_makes_no_sense_is_400() {
        let longest = "ä".repeat(DESCRIPTION_LIMIT);
        let long = "x".repeat(70_000);
        assert!(state(&object(&json!({"schedule": {}, "description": longest}))).is_ok());
        for (name, value) in [
            ("schedule", json!(null)),
            ("schedule", json!([])),
            ("schedule", json!("x")),
            ("schedule", json!({"schedule_day": long})),
            ("description", json!(7)),
            ("description", json!(format!("{longest}x"))),
            ("hold_off", json!(-1)),
            ("hold_off", json!("30")),
            ("hold_off", json!(1.5)),
            ("hold_off", json!(HOLD_OFF_LIMIT + 1)),
            ("session_tag", json!(-1)),
            ("session_tag", json!("1")),
            ("session_tag", json!(TAG_LIMIT + 1)),
            ("session_tag", json!(1e300)),
        ] {
            let mut body = object(&json!({"schedule": {}}));
            body.insert(name.to_owned(), value);
            let status = |failure: Failure| failure.kind().status().as_u16();
            assert_eq!(state(&body).map_err(status), Err(400), "{name}");
            assert_eq!(patch(&body).map_err(status), Err(400), "{name}");
        }
        assert!(state(&Map::new()).is_err());
        for wrong in [json!("1"), json!(-1), json!(1.5), json!({})] {
            assert!(version(&object(&json!({"_version": wrong}))).is_err());
        }
    }
}
