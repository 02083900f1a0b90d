//! `POST /v2/{project_id}/sessions/{session_id}/action`

use axum::extract::State;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use muster_contract::Outcome;
use muster_contract::session::{
    EndDecision, EndSessionJob, SessionJobEnd, SessionJobStart, StartDecision, StartSessionJob,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::body::answer;
use super::super::call::Call;
use super::super::description::{AnyFailure, ProjectParameter};
use super::super::refused;
use super::action_request::{Action, ActionRequest};
use crate::frame::{Failure, Idempotency, IdempotencyKeyHeader, Ingress, RequestBody};

/// What came of it.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct ActionResult {
    /// `success`; `hold-off`: not yet; `out-of-sync`: not in that run any more.
    #[schema(example = "success")]
    result: &'static str,
    /// Tag of the session's last run.
    #[schema(example = 23)]
    session_tag: i64,
    /// With `hold-off`: in how many seconds another run may begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    hold_off_remaining: Option<i64>,
}

/// Starts a job of a session, or says that it has ended
///
/// The first job that starts begins a run, and the tag rises; others join it, who know of the tag before it, for as long as
/// `hold_off` says. When all jobs of a run have ended, the run has, and the session is `completed`.
#[utoipa::path(
    post,
    path = "/v2/{project_id}/sessions/{session_id}/action",
    operation_id = "act_on_session",
    tag = "sessions",
    params(ProjectParameter, ("session_id" = String, Path, description = "Its id"), IdempotencyKeyHeader),
    request_body(content = inline(ActionRequest), description = "What the job does", example = json!({"start": {"job_id": "JOB", "current_tag": 22}})),
    responses(
        (status = 202, description = "What came of it", body = ActionResult, headers(("Retry-After" = u64, description = "With `hold-off`: in how many seconds another run may begin"))),
        AnyFailure,
    ),
)]
pub(super) async fn act_on_session(
    State(ingress): State<Ingress>,
    call: Call,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let tenant = call.tenant.clone();
    let session_id = call.id("session_id")?;
    let result = match Action::of_body(&body)? {
        Action::Start {
            job_id,
            current_tag,
        } => {
            let command = StartSessionJob {
                tenant,
                session_id,
                job_id,
                current_tag,
            };
            let outcome = ingress.send(&call.caller, idempotency, &body, &command);
            match outcome.await? {
                Outcome::Done(start) => started(start),
                Outcome::Refused(refusal) => return Err(refused::session_action(refusal)),
            }
        }
        Action::End {
            job_id,
            current_tag,
            result,
        } => {
            let command = EndSessionJob {
                tenant,
                session_id,
                job_id,
                current_tag,
                result,
            };
            let outcome = ingress.send(&call.caller, idempotency, &body, &command);
            match outcome.await? {
                Outcome::Done(end) => ended(end),
                Outcome::Refused(refusal) => return Err(refused::session_action(refusal)),
            }
        }
    };
    let mut response = answer(StatusCode::ACCEPTED, &result);
    if let Some(seconds) = result.hold_off_remaining {
        let wait = HeaderValue::from(seconds.max(0).unsigned_abs());
        response.headers_mut().insert(RETRY_AFTER, wait);
    }
    Ok(response)
}

fn started(start: SessionJobStart) -> ActionResult {
    let (result, hold_off_remaining) = match start.decision {
        StartDecision::Success => ("success", None),
        StartDecision::HoldOff { remaining } => ("hold-off", Some(remaining)),
        StartDecision::OutOfSync => ("out-of-sync", None),
    };
    ActionResult {
        result,
        session_tag: start.tag,
        hold_off_remaining,
    }
}

fn ended(end: SessionJobEnd) -> ActionResult {
    ActionResult {
        result: match end.decision {
            EndDecision::Success => "success",
            EndDecision::OutOfSync => "out-of-sync",
        },
        session_tag: end.tag,
        hold_off_remaining: None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn results_are_called_as_in_freezer() {
        let start =
            |decision| serde_json::to_value(started(SessionJobStart { decision, tag: 7 })).unwrap();
        assert_eq!(
            start(StartDecision::Success),
            json!({"result": "success", "session_tag": 7})
        );
        assert_eq!(
            start(StartDecision::HoldOff { remaining: 12 }),
            json!({"result": "hold-off", "session_tag": 7, "hold_off_remaining": 12})
        );
        assert_eq!(
            start(StartDecision::OutOfSync),
            json!({"result": "out-of-sync", "session_tag": 7})
        );
        let end = |decision| ended(SessionJobEnd { decision, tag: 7 }).result;
        assert_eq!(end(EndDecision::Success), "success");
        assert_eq!(end(EndDecision::OutOfSync), "out-of-sync");
    }
}
