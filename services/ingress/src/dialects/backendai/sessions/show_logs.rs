//! `GET /session/{session}/logs`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::Outcome;
use muster_contract::agent::ReadContainerLogs;
use muster_contract::session::{ComputeSessionReference, FindComputeSession, FoundComputeSession};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::body::answer;
use super::super::call::Call;
use super::super::description::{AnyFailure, OwnerParameter, SessionFailure, SessionParameter};
use super::super::refused;
use crate::frame::{Failure, Ingress};

/// What a session has written.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Logs {
    result: LogsResult,
}

/// What a session has written.
#[derive(Debug, Serialize, ToSchema)]
struct LogsResult {
    /// The end of it.
    logs: String,
}

/// What a session has written
///
/// The end of what its main container wrote; also of one that is over, for as long as the site keeps it.
#[utoipa::path(
    get,
    path = "/session/{session}/logs",
    operation_id = "show_logs",
    tag = "sessions",
    params(SessionParameter, OwnerParameter),
    responses((status = 200, description = "It may be nothing", body = Logs), SessionFailure, AnyFailure),
)]
pub(super) async fn show_logs(
    State(ingress): State<Ingress>,
    call: Call,
) -> Result<Response, Failure> {
    let session = ComputeSessionReference {
        or_over: true,
        ..call.session(&ingress)?
    };
    let logs = logs(&ingress, &call, session).await?;
    let result = LogsResult { logs };
    Ok(answer(StatusCode::OK, &Logs { result }))
}

/// What the main container of a session has written.
pub(super) async fn logs(
    ingress: &Ingress,
    call: &Call,
    session: ComputeSessionReference,
) -> Result<String, Failure> {
    let query = FindComputeSession { session };
    let found = find(ingress, call, &query).await?;
    let main = found.session.containers.first();
    let (false, None, Some(main)) = (found.session.status.is_over(), &found.logs, main) else {
        return Ok(found.logs.unwrap_or_default());
    };
    let question = ReadContainerLogs { container: main.id };
    match ingress.ask_agent(&main.agent, &question).await? {
        Outcome::Done(logs) => Ok(logs.logs),
        // It is over by now, or does not run yet.
        Outcome::Refused(_) => {
            let found = find(ingress, call, &query).await?;
            Ok(found.logs.unwrap_or_default())
        }
    }
}

async fn find(
    ingress: &Ingress,
    call: &Call,
    query: &FindComputeSession,
) -> Result<FoundComputeSession, Failure> {
    match ingress.ask(&call.caller, query).await? {
        Outcome::Done(found) => Ok(found),
        Outcome::Refused(refusal) => Err(refused::session(refusal)),
    }
}
