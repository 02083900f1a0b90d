//! `GET /session/{session}`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::Outcome;
use muster_contract::session::UseComputeSession;

use super::super::body::answer;
use super::super::call::Call;
use super::super::description::{AnyFailure, OwnerParameter, SessionFailure, SessionParameter};
use super::super::refused;
use super::session_info::SessionInfo;
use crate::frame::{Failure, Idempotency, Ingress};

/// What a session is
///
/// Counts as a look at it.
#[utoipa::path(
    get,
    path = "/session/{session}",
    operation_id = "show_session",
    tag = "sessions",
    params(SessionParameter, OwnerParameter),
    responses((status = 200, description = "The session", body = SessionInfo), SessionFailure, AnyFailure),
)]
pub(super) async fn show_session(
    State(ingress): State<Ingress>,
    call: Call,
) -> Result<Response, Failure> {
    let command = UseComputeSession {
        session: call.session(&ingress)?,
        is_activity: false,
    };
    let outcome = ingress
        .send(
            &call.caller,
            Idempotency::none(),
            &axum::body::Bytes::new(),
            &command,
        )
        .await?;
    match outcome {
        Outcome::Done(session) => {
            let now = ingress.environment.clock.now();
            Ok(answer(StatusCode::OK, &SessionInfo::of(session, now)))
        }
        Outcome::Refused(refusal) => Err(refused::session(refusal)),
    }
}
