//! `DELETE /api/jobs/delete_job/`

use axum::extract::State;
use axum::response::Response;
use muster_clustercockpit::go_object;
use muster_contract::Outcome;
use muster_contract::job_archive::{DeleteJob, DeleteJobRefusal, StopTarget};
use utoipa::ToSchema;

use super::deletion::answer;
use super::description::WriteFailures;
use super::go_json::decode;
use crate::frame::{
    Caller, Failure, FailureKind, Idempotency, IdempotencyKeyHeader, Ingress, RequestBody,
};

/// A job to delete: the newest that fits.
#[derive(Debug, Default, PartialEq, ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct DeleteRequest {
    /// Number of the job on its cluster.
    #[schema(required = true, example = 123_000)]
    job_id: Option<i64>,
    /// Only on this cluster.
    #[schema(example = "fritz")]
    cluster: Option<String>,
    /// Only if it started then: seconds since 1970 UTC.
    #[schema(example = 1_649_723_812)]
    start_time: Option<i64>,
}

go_object!(DeleteRequest {
    "jobId" => job_id,
    "cluster" => cluster,
    "startTime" => start_time,
});

/// Deletes a job
///
/// From the tables; its files in the archive stay. A job that runs can be deleted too; what is tied to it
/// ends, as if it had stopped.
#[utoipa::path(
    delete,
    path = "/api/jobs/delete_job/",
    operation_id = "delete_job",
    tag = "remove",
    params(IdempotencyKeyHeader),
    request_body(content = DeleteRequest, description = "Job to delete; Content-Type is not looked at"),
    responses(
        (status = 200, description = "The job is gone", body = super::deletion::DeleteResponse,
            headers(("Muster-Command-Id" = String, description = "The command this became"))),
        (status = 422, description = "No such job (\"finding job failed: sql: no rows in result set\"), or the Idempotency-Key was used for another request", body = super::error::ErrorResponse),
        WriteFailures,
    ),
)]
pub(super) async fn delete_job(
    State(ingress): State<Ingress>,
    caller: Caller,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let target = parse(&body)?;
    let command = DeleteJob { target };
    match ingress.send(&caller, idempotency, &body, &command).await? {
        Outcome::Done(deleted) => {
            let id = deleted.id.unwrap_or_default();
            Ok(answer(format!("Successfully deleted job {id}")))
        }
        Outcome::Refused(DeleteJobRefusal::NotFound) => Err(Failure::new(
            FailureKind::Unprocessable,
            "finding job failed: sql: no rows in result set",
        )),
    }
}

fn parse(body: &[u8]) -> Result<StopTarget, Failure> {
    let request: DeleteRequest = decode(body)
        .map_err(|error| Failure::invalid(format!("parsing request body failed: {error}")))?;
    let job_id = request
        .job_id
        .ok_or_else(|| Failure::invalid("the field 'jobId' is required"))?;
    Ok(StopTarget::Newest {
        job_id,
        cluster: request.cluster,
        start_time: request.start_time,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_number_of_the_job_is_required() {
        assert_eq!(
            parse(br#"{"JOBID":0,"startTime":9,"cluster":null}"#).unwrap(),
            StopTarget::Newest {
                job_id: 0,
                cluster: None,
                start_time: Some(9),
            }
        );
        for (body, message) in [
            ("{}", "the field 'jobId' is required"),
            ("[]", "parsing request body failed: "),
            (
                r#"{"jobId":1,"stopTime":2}"#,
                "parsing request body failed: json: unknown field",
            ),
        ] {
            let failure = parse(body.as_bytes()).unwrap_err();
            assert_eq!(failure.kind(), FailureKind::Invalid);
            assert!(
                failure.message().starts_with(message),
                "{}",
                failure.message()
            );
        }
    }
}
