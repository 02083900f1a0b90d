//! `GET /session/_/logs`

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use muster_contract::session::ComputeSessionReference;
use utoipa::IntoParams;
use uuid::Uuid;

use super::super::call::Call;
use super::super::description::{AnyFailure, OwnerParameter, SessionFailure};
use super::super::fields::wrong;
use super::show_logs::logs;
use crate::frame::{Failure, Ingress};

/// Which session.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description; the query is read by hand")]
pub(super) struct TaskParameters {
    /// A session's id.
    #[param(rename = "taskId", format = "uuid")]
    task_id: String,
}

/// What a session has written, as a text
///
/// For batch sessions, which may be over.
#[utoipa::path(
    get,
    path = "/session/_/logs",
    operation_id = "show_task_logs",
    tag = "sessions",
    params(TaskParameters, OwnerParameter),
    responses((status = 200, description = "It may be nothing", content_type = "text/plain", body = String), SessionFailure, AnyFailure),
)]
pub(super) async fn show_task_logs(
    State(ingress): State<Ingress>,
    call: Call,
) -> Result<Response, Failure> {
    let task = call.query.get(&["taskId", "task_id"]).unwrap_or_default();
    let task: Uuid = task
        .parse()
        .map_err(|_| wrong("taskId", "has to be the id of a session"))?;
    let session = ComputeSessionReference {
        owner: call.owner(&ingress)?.access_key.clone(),
        name: task.to_string(),
        or_over: true,
    };
    let logs = logs(&ingress, &call, session).await?;
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], logs).into_response())
}
