//! `GET /Session/get`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::Outcome;
use muster_contract::session::{OpenNodeSession, OpenNodeSessionRefusal};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::super::description::LegacyFailures;
use super::super::job_reference;
use super::super::patience;
use super::answers::{Nodes, json, nodes, string};
use super::call::{Call, essence, invalid_key};
use super::refused::{FAILED, allocation};
use crate::frame::{Failure, Idempotency, IdempotencyKeyHeader, Ingress};

/// What can be said of a session.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description")]
pub(super) struct SessionGetParameters {
    /// Key of the project.
    key: String,
    /// A name of your own for the session, to be used in place of its id; unique among the project's live sessions, and
    /// no UUID.
    #[param(max_length = 255)]
    alias: Option<String>,
    /// Tie the session to a job: `cluster:jobId`. It closes when the job stops, and does not expire.
    #[param(example = "fritz:4711")]
    job: Option<String>,
    /// The same call with the same `req` is carried out once, and gets the first one's answer. So does one with the
    /// header `Idempotency-Key`.
    #[param(max_length = 255)]
    req: Option<String>,
}

/// The alias is taken.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AliasInUse {
    /// What is wrong.
    #[schema(example = "Alias already in use")]
    msg: &'static str,
    /// Id of the session that has it.
    ssid: String,
}

/// What is answered.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "a description")]
pub(super) enum SessionAnswer<'a> {
    /// The session, with no hosts.
    Opened(Nodes<'a>),
    /// It could not be set up.
    #[schema(example = "Failed to allocate nodes")]
    Failed(String),
}

/// Opens a session without nodes
///
/// It lives until it is ended, or until its job stops; nodes are added to it by `/Node/get` with `ssid`.
#[utoipa::path(
    get,
    path = "/Session/get",
    operation_id = "session_get",
    tag = "legacy",
    params(SessionGetParameters, IdempotencyKeyHeader),
    responses(
        (status = 200, description = "The session, with no hosts; a JSON string if it could not be set up (`Failed to allocate nodes`)", body = SessionAnswer),
        (status = 409, description = "Another live session of the project has that alias", body = AliasInUse),
        LegacyFailures,
    ),
)]
pub(super) async fn session_get(
    State(ingress): State<Ingress>,
    call: Call,
    header: Idempotency,
) -> Result<Response, Failure> {
    let caller = call.caller(&ingress)?.ok_or_else(invalid_key)?;
    let idempotency = call.idempotency(header)?;
    let job = call.parameters.given("job").map(job_reference::parse);
    let command = OpenNodeSession {
        // Also an empty one, which is refused: it is an empty variable in somebody's script.
        alias: call.parameters.get("alias").map(str::to_owned),
        demands: Vec::new(),
        wait_until: None,
        job: job.transpose()?,
        rate: None,
    };
    let body = essence(&(&command.alias, &command.job));
    let patience = patience::for_session(&ingress, &caller, None, false);
    let outcome = ingress
        .send_within(patience.deadline, &caller, idempotency, &body, &command)
        .await?;
    match outcome {
        Outcome::Done(opened) => {
            let suffix = &ingress.directory.duffy().host_suffix;
            Ok(nodes(&opened.nodes, suffix, &opened.id))
        }
        Outcome::Refused(refusal) => opening_refused(refusal),
    }
}

/// There is no new session.
pub(super) fn opening_refused(refusal: OpenNodeSessionRefusal) -> Result<Response, Failure> {
    match refusal {
        OpenNodeSessionRefusal::AliasInUse { session } => Ok(json(
            StatusCode::CONFLICT,
            &AliasInUse {
                msg: "Alias already in use",
                ssid: session,
            },
        )),
        OpenNodeSessionRefusal::InvalidAlias => Err(Failure::invalid(
            "an alias has 1 to 255 bytes and no control characters, and is no UUID",
        )),
        OpenNodeSessionRefusal::Allocation(refusal) => allocation(&refusal),
        OpenNodeSessionRefusal::TooManySessions { .. } => {
            Ok(string(StatusCode::TOO_MANY_REQUESTS, FAILED))
        }
        // As in Duffy 2 when the nodes cannot be prepared: a JSON string, which ends a client's retries.
        OpenNodeSessionRefusal::SetUpFailed { .. } | OpenNodeSessionRefusal::Closed => {
            Ok(string(StatusCode::OK, FAILED))
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    #[tokio::test]
    async fn an_alias_in_use_names_the_session_that_has_it() {
        let answer = opening_refused(OpenNodeSessionRefusal::AliasInUse {
            session: "0199".to_owned(),
        })
        .unwrap();
        assert_eq!(answer.status(), 409);
        let body = to_bytes(answer.into_body(), 1 << 16).await.unwrap();
        assert_eq!(
            body,
            "{\"msg\":\"Alias already in use\",\"ssid\":\"0199\"}\n"
        );
    }

    #[tokio::test]
    async fn a_session_that_could_not_be_set_up_ends_a_clients_retries() {
        let reason = "password=secret".to_owned();
        let answer = opening_refused(OpenNodeSessionRefusal::SetUpFailed { reason }).unwrap();
        assert_eq!(answer.status(), 200);
        let body = to_bytes(answer.into_body(), 1 << 16).await.unwrap();
        assert_eq!(body, "\"Failed to allocate nodes\"\n");
    }

    #[test]
    fn an_alias_that_cannot_be_is_the_callers_mistake() {
        let failure = opening_refused(OpenNodeSessionRefusal::InvalidAlias).unwrap_err();
        assert_eq!(failure.kind().status(), 400);
    }
}
