//! `DELETE /session/{session}`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::Outcome;
use muster_contract::session::{ComputeSession, ComputeSessionStatus, DestroyComputeSession};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::super::body::answer;
use super::super::call::Call;
use super::super::description::{
    AnyFailure, ClientTokenHeaders, OwnerParameter, SessionFailure, SessionParameter,
};
use super::super::error::NO_PRIVILEGE;
use super::super::refused;
use super::statistics::Statistics;
use crate::frame::{Failure, FailureKind, Idempotency, Ingress, RequestBody};

/// A session that is over.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DestroyedSession {
    /// What it has used.
    stats: FinalStatistics,
}

/// What a session has used in all.
#[derive(Debug, Serialize, ToSchema)]
struct FinalStatistics {
    /// `terminated`, or `cancelled` if it never ran.
    #[schema(example = "terminated")]
    status: &'static str,
    #[serde(flatten)]
    used: Statistics,
}

impl DestroyedSession {
    fn of(session: &ComputeSession) -> Self {
        let is_cancelled = session.status == ComputeSessionStatus::Cancelled;
        Self {
            stats: FinalStatistics {
                status: if is_cancelled {
                    "cancelled"
                } else {
                    "terminated"
                },
                used: Statistics::of(session).unwrap_or_default(),
            },
        }
    }
}

/// How to end it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description; the query is read by hand")]
pub(super) struct DestroyParameters {
    /// For administrators: at once, whatever its agents say.
    forced: Option<bool>,
    /// The sessions that depend on it, too.
    recursive: Option<bool>,
}

/// Ends a session
///
/// Wherever in its life it is. Answered when it is over.
#[utoipa::path(
    delete,
    path = "/session/{session}",
    operation_id = "destroy_session",
    tag = "sessions",
    params(SessionParameter, OwnerParameter, DestroyParameters, ClientTokenHeaders),
    responses((status = 200, description = "It is over", body = DestroyedSession), SessionFailure, AnyFailure),
)]
pub(super) async fn destroy_session(
    State(ingress): State<Ingress>,
    call: Call,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let forced = call.query.switch("forced")?;
    if forced && !call.is_admin() {
        let message = "only administrators can force a session to end";
        return Err(Failure::new(FailureKind::Forbidden, message).code(NO_PRIVILEGE));
    }
    let command = DestroyComputeSession {
        session: call.session(&ingress)?,
        forced,
        recursive: call.query.switch("recursive")?,
    };
    let deadline = ingress.limits.session_wait;
    let outcome = ingress
        .send_within(deadline, &call.caller, idempotency, &body, &command)
        .await?;
    match outcome {
        Outcome::Done(destroyed) => Ok(answer(
            StatusCode::OK,
            &DestroyedSession::of(&destroyed.session),
        )),
        Outcome::Refused(refusal) => Err(refused::session(refusal)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_session::session;
    use super::*;

    #[test]
    fn the_statistics_say_how_it_ended() {
        let mut session = session();
        for (status, expected) in [
            (ComputeSessionStatus::Terminated, "terminated"),
            (ComputeSessionStatus::Cancelled, "cancelled"),
        ] {
            session.status = status;
            let answer = serde_json::to_value(DestroyedSession::of(&session)).unwrap();
            assert_eq!(answer["stats"]["status"], expected);
            assert_eq!(answer["stats"]["cpu_used"], 30);
            assert_eq!(answer["stats"].as_object().unwrap().len(), 10);
        }
    }
}
