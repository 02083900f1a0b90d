//! `PUT /api/v1/sessions/{id}`

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::Outcome;
use muster_contract::session::{
    CloseNodeSession, ExtendNodeSession, ExtendNodeSessionRefusal, SessionReference,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::description::AnyFailure;
use super::super::error::Detail;
use super::answers::{body, json, number, unprocessable};
use super::session_object::{SessionObject, SessionResult, is_active};
use super::{expiry, refused, show_session};
use crate::frame::{Caller, Failure, Idempotency, IdempotencyKeyHeader, Ingress, RequestBody};

/// What is to be different. What is `null` stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct SessionUpdate {
    /// `false` ends the session and gives its nodes back.
    active: Option<bool>,
    /// When it shall end by itself: a time, or a difference such as `+6h`. Cut to what the pools of its nodes allow, but
    /// for administrators.
    #[schema(example = "+6h")]
    expires_at: Option<String>,
}

/// Ends a session, or moves its end
#[utoipa::path(
    put,
    path = "/api/v1/sessions/{id}",
    operation_id = "update_session",
    tag = "sessions",
    security(("HTTPBasic" = [])),
    params(("id" = i64, Path, description = "Number of the session"), IdempotencyKeyHeader),
    request_body(content = SessionUpdate, description = "What is to be different; Content-Type is not looked at"),
    responses(
        (status = 200, description = "The session", body = SessionResult),
        (status = 403, description = "It is another tenant's", body = Detail),
        (status = 404, description = "There is none of that number", body = Detail),
        (status = 400, description = "The header Idempotency-Key is none", body = Detail),
        (status = 413, description = "The body is too large", body = Detail),
        (status = 422, description = "It is over (`session 3 is retired`), the id or the body is not valid, or the Idempotency-Key was used for another request", body = Detail),
        AnyFailure,
    ),
)]
pub(super) async fn update_session(
    State(ingress): State<Ingress>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    idempotency: Idempotency,
    RequestBody(bytes): RequestBody,
) -> Result<Response, Failure> {
    let number = number(id)?;
    let update: SessionUpdate = body(&bytes)?;
    let session = SessionReference::Number(number);
    let updated = if update.active == Some(false) {
        let command = CloseNodeSession { session };
        match ingress.send(&caller, idempotency, &bytes, &command).await? {
            Outcome::Done(session) => session,
            Outcome::Refused(refusal) => return Err(refused::session(number, &refusal)),
        }
    } else if let Some(expires_at) = &update.expires_at {
        let expiry = expiry::parse(expires_at)?;
        let command = ExtendNodeSession { session, expiry };
        match ingress.send(&caller, idempotency, &bytes, &command).await? {
            Outcome::Done(session) => session,
            Outcome::Refused(ExtendNodeSessionRefusal::Session(refusal)) => {
                return Err(refused::session(number, &refusal));
            }
            Outcome::Refused(ExtendNodeSessionRefusal::InvalidTime) => {
                return Err(unprocessable("expires_at is past, or out of range"));
            }
        }
    } else {
        let session = show_session::find(&ingress, &caller, number).await?;
        if !is_active(session.state) {
            return Err(refused::retired(number));
        }
        session
    };
    let result = SessionResult {
        action: "put",
        session: SessionObject::new(updated, &ingress.directory),
    };
    Ok(json(StatusCode::OK, &result))
}
