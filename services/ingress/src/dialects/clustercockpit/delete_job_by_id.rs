//! `DELETE /api/jobs/delete_job/{id}`

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use muster_contract::Outcome;
use muster_contract::job_archive::{DeleteJob, DeleteJobRefusal, StopTarget};

use super::deletion::answer;
use super::description::WriteFailures;
use super::path_number::{PathText, integer};
use crate::frame::{Caller, Failure, FailureKind, Idempotency, IdempotencyKeyHeader, Ingress};

/// Deletes a job, by its number in the archive
///
/// That there is no such job is no mistake: afterwards it is not there. Otherwise as above.
#[utoipa::path(
    delete,
    path = "/api/jobs/delete_job/{id}",
    operation_id = "delete_job_by_id",
    tag = "remove",
    params(
        ("id" = i64, Path, description = "Number of the job in the archive"),
        IdempotencyKeyHeader,
    ),
    responses(
        (status = 200, description = "The job is gone", body = super::deletion::DeleteResponse,
            headers(("Muster-Command-Id" = String, description = "The command this became"))),
        (status = 422, description = "The Idempotency-Key was used for another request", body = super::error::ErrorResponse),
        WriteFailures,
    ),
)]
pub(super) async fn delete_job_by_id(
    State(ingress): State<Ingress>,
    caller: Caller,
    id: PathText,
    idempotency: Idempotency,
) -> Result<Response, Failure> {
    let (id, text) = integer("id", id)?;
    let target = StopTarget::Id(id);
    let command = DeleteJob { target };
    let body = Bytes::new();
    match ingress.send(&caller, idempotency, &body, &command).await? {
        Outcome::Done(_) => Ok(answer(format!("Successfully deleted job {text}"))),
        Outcome::Refused(DeleteJobRefusal::NotFound) => Err(Failure::new(
            FailureKind::Unprocessable,
            "finding job failed: sql: no rows in result set",
        )),
    }
}
