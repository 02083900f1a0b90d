//! `POST|PUT|GET /api/machine_state/{cluster}/{host}`

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use muster_contract::Outcome;
use muster_contract::job_archive::{
    FindMachineState, FindMachineStateRefusal, MACHINE_STATE_LIMIT, RecordMachineState,
    RecordMachineStateRefusal,
};

use super::description::{AnyFailure, WriteFailures};
use crate::frame::{
    Caller, Failure, FailureKind, Idempotency, IdempotencyKeyHeader, Ingress, RequestBody,
};

type Place = Result<Path<(String, String)>, PathRejection>;

/// Keeps a document about a machine
///
/// In place of the one before, as it is.
#[utoipa::path(
    method(post, put),
    path = "/api/machine_state/{cluster}/{host}",
    operation_id = "record_machine_state",
    tag = "add and modify",
    params(
        ("cluster" = String, Path, description = "Its cluster"),
        ("host" = String, Path, description = "Its name"),
        IdempotencyKeyHeader,
    ),
    request_body(content = Object, description = "JSON, at most 1 MiB; Content-Type is not looked at"),
    responses(
        (status = 201, description = "Kept",
            headers(("Muster-Command-Id" = String, description = "The command this became"))),
        (status = 422, description = "The Idempotency-Key was used for another request", body = super::error::ErrorResponse),
        WriteFailures,
    ),
)]
pub(super) async fn record_machine_state(
    State(ingress): State<Ingress>,
    caller: Caller,
    place: Place,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let (cluster, host) = parse(place)?;
    let document = document(&body)?;
    let command = RecordMachineState {
        cluster,
        host,
        document,
    };
    match ingress.send(&caller, idempotency, &body, &command).await? {
        Outcome::Done(_) => Ok(StatusCode::CREATED.into_response()),
        Outcome::Refused(RecordMachineStateRefusal::UnknownCluster) => {
            Err(Failure::invalid("invalid cluster name"))
        }
        Outcome::Refused(RecordMachineStateRefusal::UnknownHost) => {
            Err(Failure::invalid("invalid host name"))
        }
        Outcome::Refused(RecordMachineStateRefusal::TooLarge { limit }) => Err(too_large(limit)),
    }
}

/// Shows the document about a machine
#[utoipa::path(
    get,
    path = "/api/machine_state/{cluster}/{host}",
    operation_id = "find_machine_state",
    tag = "query",
    params(
        ("cluster" = String, Path, description = "Its cluster"),
        ("host" = String, Path, description = "Its name"),
    ),
    responses(
        (status = 200, description = "The document as it was given last", body = Object),
        (status = 404, description = "There is none", body = super::error::ErrorResponse),
        AnyFailure,
    ),
)]
pub(super) async fn find_machine_state(
    State(ingress): State<Ingress>,
    caller: Caller,
    place: Place,
) -> Result<Response, Failure> {
    let (cluster, host) = parse(place)?;
    match ingress
        .ask(&caller, &FindMachineState { cluster, host })
        .await?
    {
        Outcome::Done(state) => {
            Ok(([(CONTENT_TYPE, "application/json")], state.document).into_response())
        }
        Outcome::Refused(FindMachineStateRefusal::NotFound) => Err(Failure::new(
            FailureKind::NotFound,
            "nothing is known of that machine",
        )),
    }
}

fn parse(place: Place) -> Result<(String, String), Failure> {
    let Path(place) = place.map_err(|rejection| Failure::invalid(rejection.body_text()))?;
    Ok(place)
}

fn document(body: &[u8]) -> Result<String, Failure> {
    if body.len() > MACHINE_STATE_LIMIT {
        return Err(too_large(MACHINE_STATE_LIMIT as u64));
    }
    serde_json::from_slice::<serde::de::IgnoredAny>(body)
        .map_err(|error| Failure::invalid(format!("the body is no JSON: {error}")))?;
    // What is JSON is UTF-8.
    String::from_utf8(body.to_vec())
        .map_err(|error| Failure::invalid(format!("the body is no JSON: {error}")))
}

fn too_large(limit: u64) -> Failure {
    Failure::new(
        FailureKind::TooLarge,
        format!("a document about a machine may have {limit} bytes"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_json_up_to_its_limit() {
        assert_eq!(document(b" {\"a\": 1}\n").unwrap(), " {\"a\": 1}\n");
        for wrong in [&b""[..], b"{", b"{} x", b"\"\xff\""] {
            assert_eq!(document(wrong).unwrap_err().kind(), FailureKind::Invalid);
        }
        let text = |length: usize| format!("\"{}\"", "x".repeat(length - 2));
        assert!(document(text(MACHINE_STATE_LIMIT).as_bytes()).is_ok());
        let failure = document(text(MACHINE_STATE_LIMIT + 1).as_bytes()).unwrap_err();
        assert_eq!(failure.kind(), FailureKind::TooLarge);
    }
}
