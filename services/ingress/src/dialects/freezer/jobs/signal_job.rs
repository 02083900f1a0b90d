//! `POST /v2/{project_id}/jobs/{job_id}/event`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::Outcome;
use muster_contract::session::{DocumentRefusal, JobSignal, SignalBackupJob, SignaledBackupJob};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::super::body::{answer, object};
use super::super::call::Call;
use super::super::description::{AnyFailure, ProjectParameter};
use super::super::refused;
use crate::frame::{Failure, Idempotency, IdempotencyKeyHeader, Ingress, RequestBody};

/// What a job is asked for.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description; the body is read by hand")]
struct Event {
    /// Run.
    #[schema(value_type = Option<Object>)]
    start: Option<Value>,
    /// Leave its schedule.
    #[schema(value_type = Option<Object>)]
    stop: Option<Value>,
    /// End what runs.
    #[schema(value_type = Option<Object>)]
    abort: Option<Value>,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct EventResult {
    /// `success`, or `start already requested`.
    #[schema(example = "success")]
    result: String,
}

/// Asks a job to start, to stop, or to abort
///
/// Its scheduler sees it when it looks the next time.
#[utoipa::path(
    post,
    path = "/v2/{project_id}/jobs/{job_id}/event",
    operation_id = "signal_job",
    tag = "jobs",
    params(ProjectParameter, ("job_id" = String, Path, description = "Its id"), IdempotencyKeyHeader),
    request_body(content = inline(Event), description = "One of the keys, with anything as its value", example = json!({"start": null})),
    responses(
        (status = 202, description = "It is asked", body = EventResult),
        AnyFailure,
    ),
)]
pub(super) async fn signal_job(
    State(ingress): State<Ingress>,
    call: Call,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let signal = signal(&object(&body)?)?;
    let command = SignalBackupJob {
        tenant: call.tenant.clone(),
        job_id: call.id("job_id")?,
        signal,
    };
    let outcome = ingress
        .send(&call.caller, idempotency, &body, &command)
        .await?;
    match outcome {
        Outcome::Done(signaled) => Ok(answer(StatusCode::ACCEPTED, &result(signal, signaled))),
        // Freezer takes an unknown job for a mistake in the request.
        Outcome::Refused(DocumentRefusal::Unknown) => Err(Failure::invalid("job_id not found")),
        Outcome::Refused(refusal) => Err(refused::document(refusal)),
    }
}

fn signal(body: &Map<String, Value>) -> Result<JobSignal, Failure> {
    let mut names = body.keys();
    let (Some(name), None) = (names.next(), names.next()) else {
        return Err(Failure::invalid("an event is one of start, stop and abort"));
    };
    JobSignal::from_name(name)
        .ok_or_else(|| Failure::invalid("there is no such event: start, stop and abort are"))
}

fn result(signal: JobSignal, signaled: SignaledBackupJob) -> EventResult {
    let result = if signaled.already_requested {
        format!("{} already requested", signal.name())
    } else {
        "success".to_owned()
    };
    EventResult { result }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_a_key_whatever_its_value() {
        for (body, expected) in [
            (json!({"start": null}), Some(JobSignal::Start)),
            (json!({"stop": {}}), Some(JobSignal::Stop)),
            (json!({"abort": ""}), Some(JobSignal::Abort)),
            (json!({}), None),
            (json!({"remove": null}), None),
            (json!({"start": null, "stop": null}), None),
            (json!({"": null}), None),
        ] {
            let parsed = signal(body.as_object().unwrap());
            assert_eq!(parsed.ok(), expected, "{body}");
        }
    }

    #[test]
    fn an_event_that_was_asked_for_before_says_so() {
        let of =
            |already_requested| result(JobSignal::Stop, SignaledBackupJob { already_requested });
        assert_eq!(of(false).result, "success");
        assert_eq!(of(true).result, "stop already requested");
    }
}
