//! `POST /session/{session}/interrupt`

use axum::extract::State;
use axum::http::StatusCode;
use muster_contract::agent::CodeMode;

use super::super::call::Call;
use super::super::description::{AnyFailure, OwnerParameter, SessionFailure, SessionParameter};
use super::run::Target;
use crate::frame::{Failure, Ingress, RequestBody};

/// Whatever runs: who interrupts does not have to know which run it is.
const ANY_RUN: &str = "";

/// Interrupts the code that runs in a session
///
/// The session goes on, and keeps its state.
#[utoipa::path(
    post,
    path = "/session/{session}/interrupt",
    operation_id = "interrupt_code",
    tag = "code",
    params(SessionParameter, OwnerParameter),
    responses((status = 204, description = "Interrupted"), SessionFailure, AnyFailure),
)]
pub(super) async fn interrupt_code(
    State(ingress): State<Ingress>,
    call: Call,
    _: RequestBody,
) -> Result<StatusCode, Failure> {
    let target = Target::of(&ingress, &call, call.session(&ingress)?).await?;
    target
        .execute(&ingress, ANY_RUN, CodeMode::Interrupt)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
