//! `PATCH /v2/{project_id}/jobs/{job_id}`

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

/// A job was saved.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct JobSaved {
    /// Its id.
    pub(super) job_id: String,
    /// Rises with each change.
    pub(super) version: i64,
}

/// Changes a job
///
/// What is not named stays as it is; `job_schedule` is merged key by key. Which session it is in is not changed here.
#[utoipa::path(
    patch,
    path = "/v2/{project_id}/jobs/{job_id}",
    operation_id = "update_job",
    tag = "jobs",
    params(ProjectParameter, ("job_id" = String, Path, description = "Its id"), IdempotencyKeyHeader),
    request_body(content = Object, description = "What is to be different"),
    responses(
        (status = 200, description = "Changed", body = JobSaved),
        (status = 404, description = "There is none with that id", body = Description),
        (status = 409, description = "`_version` is not its version", body = Description),
        AnyFailure,
    ),
)]
pub(super) async fn update_job(
    State(ingress): State<Ingress>,
    call: Call,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let command = SaveBackupJob {
        tenant: call.tenant.clone(),
        job_id: Some(call.id("job_id")?),
        mode: SaveMode::Patch,
        document: object(&body)?,
    };
    let saved = carry_out(&ingress, &call, idempotency, &body, &command).await?;
    Ok(answer(
        StatusCode::OK,
        &JobSaved {
            job_id: saved.id,
            version: saved.version,
        },
    ))
}
