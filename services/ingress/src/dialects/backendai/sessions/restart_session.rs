//! `PATCH /session/{session}`

use axum::extract::State;
use axum::http::StatusCode;
use muster_contract::Outcome;
use muster_contract::session::RestartComputeSession;

use super::super::call::Call;
use super::super::description::{
    AnyFailure, ClientTokenHeaders, OwnerParameter, SessionFailure, SessionParameter,
};
use super::super::refused;
use crate::frame::{Failure, Idempotency, Ingress, RequestBody};

/// Starts a session anew
///
/// It keeps its id, age and ports, and loses the state of its processes. Answered when it runs again.
#[utoipa::path(
    patch,
    path = "/session/{session}",
    operation_id = "restart_session",
    tag = "sessions",
    params(SessionParameter, OwnerParameter, ClientTokenHeaders),
    responses((status = 204, description = "It runs again"), SessionFailure, AnyFailure),
)]
pub(super) async fn restart_session(
    State(ingress): State<Ingress>,
    call: Call,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<StatusCode, Failure> {
    let command = RestartComputeSession {
        session: call.session(&ingress)?,
    };
    let deadline = ingress.limits.session_wait;
    let outcome = ingress
        .send_within(deadline, &call.caller, idempotency, &body, &command)
        .await?;
    match outcome {
        Outcome::Done(_) => Ok(StatusCode::NO_CONTENT),
        Outcome::Refused(refusal) => Err(refused::session(refusal)),
    }
}
