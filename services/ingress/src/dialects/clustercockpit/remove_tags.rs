//! `DELETE /api/tags/`

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use muster_clustercockpit::tags::{parse, shared};
use muster_contract::Outcome;
use muster_contract::job_archive::RemoveTags;

use super::description::WriteFailures;
use super::job_meta::Tag;
use crate::frame::{Caller, Failure, Idempotency, IdempotencyKeyHeader, Ingress, RequestBody};

/// Takes tags off every job
///
/// Off every job of the caller's project; of an administrator, off every job. Tags that are a user's own
/// are passed over. Carried out in portions: with very many jobs there may be no answer in time (504),
/// and the same request with the same Idempotency-Key finds it later.
#[utoipa::path(
    delete,
    path = "/api/tags/",
    operation_id = "remove_tags",
    tag = "remove",
    params(IdempotencyKeyHeader),
    request_body(content = Vec<Tag>, description = "Tags to take off; Content-Type is not looked at"),
    responses(
        (status = 200, description = "How many of the tags are off", body = String, content_type = "text/plain",
            example = "Deleted Tags from DB: 1 successfull of 1 requested\n"),
        (status = 422, description = "The Idempotency-Key was used for another request", body = super::error::ErrorResponse),
        WriteFailures,
    ),
)]
pub(super) async fn remove_tags(
    State(ingress): State<Ingress>,
    caller: Caller,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let named = parse(&body)?;
    let requested = named.len();
    let tags = shared(named);
    let removed = tags.len();
    let command = RemoveTags { tags };
    match ingress.send(&caller, idempotency, &body, &command).await? {
        Outcome::Done(_) => {
            // The words are cc-backend's, which scripts look for.
            let text =
                format!("Deleted Tags from DB: {removed} successfull of {requested} requested\n");
            Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
        }
        Outcome::Refused(never) => match never {},
    }
}
