//! `GET /Node/fail`

use axum::extract::State;
use axum::response::Response;
use muster_contract::Outcome;
use muster_contract::session::{HoldNodeSession, HoldNodeSessionRefusal};

use super::super::description::LegacyFailures;
use super::super::limits::HOLD_SECONDS;
use super::answers::done;
use super::call::{Call, essence};
use super::refused;
use super::session_done::SessionParameters;
use super::session_reference::reference;
use crate::frame::{Failure, FailureKind, Idempotency, IdempotencyKeyHeader, Ingress};

/// With the spaces that a line continued inside of a string has brought into Duffy 2.
const TOO_MANY: &str = "Exceeded maximum allowed fail nodes limit,                        please release other machines to continue";

/// Keeps the nodes of a session for a look
///
/// For twelve hours in all, if they are those of bare metal. The session gets no others.
#[utoipa::path(
    get,
    path = "/Node/fail",
    operation_id = "node_fail",
    tag = "legacy",
    params(SessionParameters, IdempotencyKeyHeader),
    responses(
        (status = 200, description = "`\"Done\"`", body = String, content_type = "application/json", example = "Done"),
        LegacyFailures,
    ),
)]
pub(super) async fn node_fail(
    State(ingress): State<Ingress>,
    call: Call,
    header: Idempotency,
) -> Result<Response, Failure> {
    let (caller, ssid) = call.caller_and_session(&ingress).await?;
    let idempotency = call.idempotency(header)?;
    let command = HoldNodeSession {
        session: reference(ssid),
        held_nodes_limit: ingress.directory.duffy().failed_node_limit,
        prolonged_by: HOLD_SECONDS,
    };
    let body = essence(&ssid);
    match ingress.send(&caller, idempotency, &body, &command).await? {
        Outcome::Done(_) => Ok(done()),
        Outcome::Refused(HoldNodeSessionRefusal::Session(refusal)) => refused::session(&refusal),
        Outcome::Refused(HoldNodeSessionRefusal::TooManyHeldNodes { .. }) => {
            Err(Failure::new(FailureKind::Forbidden, TOO_MANY))
        }
    }
}
