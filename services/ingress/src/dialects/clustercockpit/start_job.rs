//! `POST|PUT /api/jobs/start_job/`

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use muster_contract::Outcome;
use muster_contract::job_archive::StartJobRefusal;
use serde::Serialize;
use utoipa::ToSchema;

use super::description::WriteFailures;
use super::go_json::decode;
use super::job_meta::JobMeta;
use super::writing::to_json;
use crate::frame::{
    Caller, Failure, FailureKind, Idempotency, IdempotencyKeyHeader, Ingress, RequestBody,
};

/// A job was recorded.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StartJobResponse {
    /// Number of the job in the archive.
    #[schema(example = 1)]
    id: i64,
    /// As later releases answer.
    #[schema(example = "success")]
    msg: &'static str,
}

/// Adds a new job
///
/// The job is in the archive, and in every list, when this is answered. Two jobs of the same number
/// on the same cluster are the same job unless the later one starts at least a day after the other.
#[utoipa::path(
    method(post, put),
    path = "/api/jobs/start_job/",
    operation_id = "start_job",
    tag = "add and modify",
    params(IdempotencyKeyHeader),
    request_body(content = JobMeta, description = "Job to add; Content-Type is not looked at"),
    responses(
        (status = 201, description = "Job added", body = StartJobResponse,
            headers(("Muster-Command-Id" = String, description = "The command this became"))),
        (status = 422, description = "There is that job already, or the Idempotency-Key was used for another request", body = super::error::ErrorResponse),
        WriteFailures,
    ),
)]
pub(super) async fn start_job(
    State(ingress): State<Ingress>,
    caller: Caller,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let job: JobMeta = decode(&body)
        .map_err(|error| Failure::invalid(format!("parsing request body failed: {error}")))?;
    let command = job.into_command(&caller.principal)?;
    match ingress.send(&caller, idempotency, &body, &command).await? {
        Outcome::Done(started) => {
            let answer = StartJobResponse {
                id: started.id,
                msg: "success",
            };
            let headers = [(CONTENT_TYPE, "application/json")];
            Ok((StatusCode::CREATED, headers, to_json(&answer)).into_response())
        }
        Outcome::Refused(refusal) => Err(refused(&refusal)),
    }
}

fn refused(refusal: &StartJobRefusal) -> Failure {
    match refusal {
        StartJobRefusal::UnknownCluster { cluster } => {
            Failure::invalid(format!("no such cluster: {cluster}"))
        }
        StartJobRefusal::UnknownSubCluster {
            cluster,
            sub_cluster,
        } => Failure::invalid(format!(
            "already assigned subcluster {sub_cluster} unknown (cluster: {cluster})"
        )),
        StartJobRefusal::NoSubClusterForHost { cluster, hostname } => Failure::invalid(format!(
            "no subcluster found for cluster {cluster} and host {hostname}"
        )),
        // This dialect refuses it before; the service takes commands from elsewhere too.
        StartJobRefusal::NulCharacter { member } => {
            Failure::invalid(format!("there is a NUL character in {member:?}"))
        }
        StartJobRefusal::AlreadyExists { id, job_id } => Failure::new(
            FailureKind::Unprocessable,
            format!(
                "a job with that jobId, cluster and startTime already exists: dbid: {id}, jobid: {job_id}"
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_have_their_documented_status() {
        let cluster = "fritz".to_owned();
        for (refusal, status, message) in [
            (
                StartJobRefusal::UnknownCluster {
                    cluster: cluster.clone(),
                },
                400,
                "no such cluster: fritz",
            ),
            (
                StartJobRefusal::UnknownSubCluster {
                    cluster: cluster.clone(),
                    sub_cluster: "x".to_owned(),
                },
                400,
                "already assigned subcluster x unknown (cluster: fritz)",
            ),
            (
                StartJobRefusal::NoSubClusterForHost {
                    cluster,
                    hostname: "h1".to_owned(),
                },
                400,
                "no subcluster found for cluster fritz and host h1",
            ),
            (
                StartJobRefusal::NulCharacter {
                    member: "user".to_owned(),
                },
                400,
                "there is a NUL character in \"user\"",
            ),
            (
                StartJobRefusal::AlreadyExists { id: 3, job_id: 7 },
                422,
                "a job with that jobId, cluster and startTime already exists: dbid: 3, jobid: 7",
            ),
        ] {
            let failure = refused(&refusal);
            assert_eq!(failure.kind().status(), status);
            assert_eq!(failure.message(), message);
        }
    }
}
