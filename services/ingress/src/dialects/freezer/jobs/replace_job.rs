//! `POST /v2/{project_id}/jobs/{job_id}`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::session::{SaveBackupJob, SaveMode};

use super::super::body::{answer, object};
use super::super::call::Call;
use super::super::description::{AnyFailure, ProjectParameter};
use super::super::documents::carry_out;
use super::super::error::Description;
use super::update_job::JobSaved;
use crate::frame::{Failure, Idempotency, IdempotencyKeyHeader, Ingress, RequestBody};

/// Makes a job with an id of its own, or another one of it
#[utoipa::path(
    post,
    path = "/v2/{project_id}/jobs/{job_id}",
    operation_id = "replace_job",
    tag = "jobs",
    params(ProjectParameter, ("job_id" = String, Path, description = "Its id"), IdempotencyKeyHeader),
    request_body(content = Object, description = "`client_id`, `job_actions`, `job_schedule`, `description`"),
    responses(
        (status = 201, description = "Saved", body = JobSaved),
        (status = 409, description = "`_version` is not its version", body = Description),
        AnyFailure,
    ),
)]
pub(super) async fn replace_job(
    State(ingress): State<Ingress>,
    call: Call,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let command = SaveBackupJob {
        tenant: call.tenant.clone(),
        job_id: Some(call.id("job_id")?),
        mode: SaveMode::Replace,
        document: object(&body)?,
    };
    let saved = carry_out(&ingress, &call, idempotency, &body, &command).await?;
    Ok(answer(
        StatusCode::CREATED,
        &JobSaved {
            job_id: saved.id,
            version: saved.version,
        },
    ))
}
