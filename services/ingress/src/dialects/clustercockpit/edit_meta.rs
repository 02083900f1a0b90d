//! `PATCH|POST /api/jobs/edit_meta/` and `PATCH|POST /api/jobs/edit_meta/{id}`

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use muster_clustercockpit::go_object;
use muster_contract::Outcome;
use muster_contract::job_archive::{EditJobMeta, EditJobMetaRefusal, StopTarget};
use utoipa::ToSchema;

use super::description::WriteFailures;
use super::go_json::decode;
use super::job_object::JobObject;
use super::path_number::{PathText, integer};
use super::writing::to_json;
use crate::frame::{
    Caller, Failure, FailureKind, Idempotency, IdempotencyKeyHeader, Ingress, RequestBody,
};

/// An entry of a job's meta data.
#[derive(Debug, Default, PartialEq, ToSchema)]
pub(super) struct MetaEntry {
    /// Its key.
    #[schema(required = true, example = "jobScript")]
    key: String,
    /// What it says.
    #[schema(example = "#!/bin/bash")]
    value: String,
}

go_object!(MetaEntry {
    "key" => key,
    "value" => value,
});

/// An entry for the newest job that fits.
#[derive(Debug, Default, PartialEq, ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct EditRequest {
    /// Number of the job on its cluster.
    #[schema(required = true, example = 123_000)]
    job_id: Option<i64>,
    /// Only on this cluster.
    #[schema(example = "fritz")]
    cluster: Option<String>,
    /// Only if it started then: seconds since 1970 UTC.
    #[schema(example = 1_649_723_812)]
    start_time: Option<i64>,
    /// The entry.
    payload: MetaEntry,
}

go_object!(EditRequest {
    "jobId" => job_id,
    "cluster" => cluster,
    "startTime" => start_time,
    "payload" => payload,
});

/// Puts an entry into a job's meta data
///
/// In place of the one with its key, if there is one.
#[utoipa::path(
    method(patch, post),
    path = "/api/jobs/edit_meta/{id}",
    operation_id = "edit_meta_by_id",
    tag = "add and modify",
    params(
        ("id" = i64, Path, description = "Number of the job in the archive"),
        IdempotencyKeyHeader,
    ),
    request_body(content = MetaEntry, description = "The entry; Content-Type is not looked at"),
    responses(
        (status = 200, description = "The job with its meta data", body = super::job_object::JobObject,
            headers(("Muster-Command-Id" = String, description = "The command this became"))),
        (status = 404, description = "No such job", body = super::error::ErrorResponse),
        (status = 422, description = "The Idempotency-Key was used for another request", body = super::error::ErrorResponse),
        WriteFailures,
    ),
)]
pub(super) async fn edit_meta_by_id(
    State(ingress): State<Ingress>,
    caller: Caller,
    id: PathText,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let (id, _) = integer("id", id)?;
    let entry = decode(&body)
        .map_err(|error| Failure::invalid(format!("decoding request failed: {error}")))?;
    let command = command(StopTarget::Id(id), entry)?;
    let kind = FailureKind::NotFound;
    edit(&ingress, &caller, idempotency, &body, &command, kind).await
}

/// Puts an entry into a job's meta data, by the job's number on its cluster
#[utoipa::path(
    method(patch, post),
    path = "/api/jobs/edit_meta/",
    operation_id = "edit_meta",
    tag = "add and modify",
    params(IdempotencyKeyHeader),
    request_body(content = EditRequest, description = "The job and the entry; Content-Type is not looked at"),
    responses(
        (status = 200, description = "The job with its meta data", body = super::job_object::JobObject,
            headers(("Muster-Command-Id" = String, description = "The command this became"))),
        (status = 422, description = "No such job, or the Idempotency-Key was used for another request", body = super::error::ErrorResponse),
        WriteFailures,
    ),
)]
pub(super) async fn edit_meta(
    State(ingress): State<Ingress>,
    caller: Caller,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let request: EditRequest = decode(&body)
        .map_err(|error| Failure::invalid(format!("parsing request body failed: {error}")))?;
    let job_id = request
        .job_id
        .ok_or_else(|| Failure::invalid("the field 'jobId' is required"))?;
    let target = StopTarget::Newest {
        job_id,
        cluster: request.cluster,
        start_time: request.start_time,
    };
    let command = command(target, request.payload)?;
    let kind = FailureKind::Unprocessable;
    edit(&ingress, &caller, idempotency, &body, &command, kind).await
}

fn command(target: StopTarget, entry: MetaEntry) -> Result<EditJobMeta, Failure> {
    if entry.key.is_empty() {
        return Err(Failure::invalid("the field 'key' is required"));
    }
    Ok(EditJobMeta {
        target,
        key: entry.key,
        value: entry.value,
    })
}

/// `not_found` is how it fails where there is no such job.
async fn edit(
    ingress: &Ingress,
    caller: &Caller,
    idempotency: Idempotency,
    body: &Bytes,
    command: &EditJobMeta,
    not_found: FailureKind,
) -> Result<Response, Failure> {
    match ingress.send(caller, idempotency, body, command).await? {
        Outcome::Done(job) => {
            let body = to_json(&JobObject::new(&job));
            Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
        }
        Outcome::Refused(EditJobMetaRefusal::NotFound) => Err(Failure::new(
            not_found,
            "finding job failed: sql: no rows in result set",
        )),
        Outcome::Refused(EditJobMetaRefusal::TooLarge { limit }) => Err(Failure::new(
            FailureKind::TooLarge,
            format!("the job would have more than {limit} bytes"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_a_key() {
        let entry = |body: &str| command(StopTarget::Id(1), decode(body.as_bytes()).unwrap());
        let edit = entry(r#"{"Key":"jobName","value":null}"#).unwrap();
        assert_eq!((edit.key.as_str(), edit.value.as_str()), ("jobName", ""));
        assert_eq!(
            entry(r#"{"value":"x"}"#).unwrap_err().message(),
            "the field 'key' is required"
        );
    }
}
