//! `DELETE /api/jobs/tag_job/{id}`

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use muster_clustercockpit::tags::{parse, shared};
use muster_contract::Outcome;
use muster_contract::job_archive::{UntagJob, UntagJobRefusal};

use super::description::WriteFailures;
use super::job_meta::Tag;
use super::job_object::JobObject;
use super::path_number::{PathText, integer};
use super::tag_job::not_found;
use super::writing::to_json;
use crate::frame::{Caller, Failure, Idempotency, IdempotencyKeyHeader, Ingress, RequestBody};

/// Takes tags off a job
///
/// One that it does not have is passed over, and so is one that is a user's own.
#[utoipa::path(
    delete,
    path = "/api/jobs/tag_job/{id}",
    operation_id = "untag_job",
    tag = "remove",
    params(
        ("id" = i64, Path, description = "Number of the job in the archive"),
        IdempotencyKeyHeader,
    ),
    request_body(content = Vec<Tag>, description = "Tags to take off; Content-Type is not looked at"),
    responses(
        (status = 200, description = "The job with the tags that are left", body = super::job_object::JobObject,
            headers(("Muster-Command-Id" = String, description = "The command this became"))),
        (status = 404, description = "No such job", body = super::error::ErrorResponse),
        (status = 422, description = "The Idempotency-Key was used for another request", body = super::error::ErrorResponse),
        WriteFailures,
    ),
)]
pub(super) async fn untag_job(
    State(ingress): State<Ingress>,
    caller: Caller,
    id: PathText,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let (job, _) = integer("id", id)?;
    let tags = shared(parse(&body)?);
    let command = UntagJob { job, tags };
    match ingress.send(&caller, idempotency, &body, &command).await? {
        Outcome::Done(job) => {
            let body = to_json(&JobObject::new(&job));
            Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
        }
        Outcome::Refused(UntagJobRefusal::NotFound) => Err(not_found()),
    }
}
