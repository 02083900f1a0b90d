//! `GET /Session/done`

use axum::extract::State;
use axum::response::Response;
use muster_contract::Outcome;
use muster_contract::session::CloseNodeSession;
use utoipa::IntoParams;

use super::super::description::LegacyFailures;
use super::answers::done;
use super::call::{Call, essence};
use super::refused;
use super::session_reference::reference;
use crate::frame::{Failure, Idempotency, IdempotencyKeyHeader, Ingress};

/// Which session.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description")]
pub(super) struct SessionParameters {
    /// Key of the project.
    key: String,
    /// The session: its id or its alias.
    ssid: String,
}

/// Ends a session
///
/// With all its nodes, which are given back.
#[utoipa::path(
    get,
    path = "/Session/done",
    operation_id = "session_done",
    tag = "legacy",
    params(SessionParameters, IdempotencyKeyHeader),
    responses(
        (status = 200, description = "`\"Done\"`; `{\"msg\":\"Session not in Prod\"}` if it is over already", body = String, content_type = "application/json", example = "Done"),
        LegacyFailures,
    ),
)]
pub(super) async fn session_done(
    State(ingress): State<Ingress>,
    call: Call,
    header: Idempotency,
) -> Result<Response, Failure> {
    close(&ingress, &call, header).await
}

/// Ends the session of a call.
pub(super) async fn close(
    ingress: &Ingress,
    call: &Call,
    header: Idempotency,
) -> Result<Response, Failure> {
    let (caller, ssid) = call.caller_and_session(ingress).await?;
    let idempotency = call.idempotency(header)?;
    let command = CloseNodeSession {
        session: reference(ssid),
    };
    let body = essence(&ssid);
    match ingress.send(&caller, idempotency, &body, &command).await? {
        Outcome::Done(_) => Ok(done()),
        Outcome::Refused(refusal) => refused::session(&refusal),
    }
}
