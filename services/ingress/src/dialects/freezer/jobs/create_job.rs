//! `POST /v2/{project_id}/jobs`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::session::{SaveBackupJob, SaveMode};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::body::{answer, object};
use super::super::call::Call;
use super::super::description::{AnyFailure, ProjectParameter};
use super::super::documents::carry_out;
use super::super::error::Description;
use crate::frame::{Failure, Idempotency, IdempotencyKeyHeader, Ingress, RequestBody};

/// A job was made.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct JobCreated {
    /// Its id.
    job_id: String,
}

/// Makes a job
///
/// For a client that has registered, and is able to do its actions. Actions that stand in it are made with it.
#[utoipa::path(
    post,
    path = "/v2/{project_id}/jobs",
    operation_id = "create_job",
    tag = "jobs",
    params(ProjectParameter, IdempotencyKeyHeader),
    request_body(content = Object, description = "`client_id`, `job_actions`, `job_schedule`, `description`"),
    responses(
        (status = 201, description = "Made", body = JobCreated),
        (status = 409, description = "There is one with that id", body = Description),
        AnyFailure,
    ),
)]
pub(super) async fn create_job(
    State(ingress): State<Ingress>,
    call: Call,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let command = SaveBackupJob {
        tenant: call.tenant.clone(),
        job_id: None,
        mode: SaveMode::Create,
        document: object(&body)?,
    };
    let saved = carry_out(&ingress, &call, idempotency, &body, &command).await?;
    Ok(answer(
        StatusCode::CREATED,
        &JobCreated { job_id: saved.id },
    ))
}
