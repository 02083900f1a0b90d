//! `POST|PATCH /api/jobs/tag_job/{id}`

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use muster_clustercockpit::tags::{parse, writable};
use muster_contract::Outcome;
use muster_contract::job_archive::{TagJob, TagJobRefusal};

use super::description::WriteFailures;
use super::job_meta::Tag;
use super::job_object::JobObject;
use super::path_number::{PathText, integer};
use super::writing::to_json;
use crate::frame::{
    Caller, Failure, FailureKind, Idempotency, IdempotencyKeyHeader, Ingress, RequestBody,
};

/// Adds tags to a job
///
/// All of them or, if one cannot be, none. One that the job has already stays as it is.
#[utoipa::path(
    method(post, patch),
    path = "/api/jobs/tag_job/{id}",
    operation_id = "tag_job",
    tag = "add and modify",
    params(
        ("id" = i64, Path, description = "Number of the job in the archive"),
        IdempotencyKeyHeader,
    ),
    request_body(content = Vec<Tag>, description = "Tags to add; Content-Type is not looked at"),
    responses(
        (status = 200, description = "The job with its tags", body = super::job_object::JobObject,
            headers(("Muster-Command-Id" = String, description = "The command this became"))),
        (status = 404, description = "No such job", body = super::error::ErrorResponse),
        (status = 422, description = "The job would have too many tags, or the Idempotency-Key was used for another request", body = super::error::ErrorResponse),
        WriteFailures,
    ),
)]
pub(super) async fn tag_job(
    State(ingress): State<Ingress>,
    caller: Caller,
    id: PathText,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let (job, _) = integer("id", id)?;
    let tags = writable(parse(&body)?, &caller.principal)?;
    let command = TagJob { job, tags };
    match ingress.send(&caller, idempotency, &body, &command).await? {
        Outcome::Done(job) => {
            let body = to_json(&JobObject::new(&job));
            Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
        }
        Outcome::Refused(refusal) => Err(refused(&refusal)),
    }
}

fn refused(refusal: &TagJobRefusal) -> Failure {
    match refusal {
        TagJobRefusal::NotFound => not_found(),
        TagJobRefusal::TooMany { limit } => Failure::new(
            FailureKind::Unprocessable,
            format!("adding tag failed: a job may have {limit} tags"),
        ),
        // This dialect refuses it before; the service takes commands from elsewhere too.
        TagJobRefusal::NulCharacter => {
            Failure::invalid("decoding request failed: there is a NUL character in a tag")
        }
    }
}

/// As cc-backend says it of a job that is to be tagged.
pub(super) fn not_found() -> Failure {
    Failure::new(
        FailureKind::NotFound,
        "finding job failed: sql: no rows in result set",
    )
}
