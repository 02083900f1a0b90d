//! `POST /session`

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use muster_contract::Outcome;
use muster_contract::session::{
    ComputeSessionReference, CreatedComputeSession, FindComputeSession, ScheduleRule,
};

use super::super::body::{answer, object};
use super::super::call::Call;
use super::super::client_token::with_client_token;
use super::super::description::{AnyFailure, ClientTokenHeaders};
use super::super::error::{NO_IMAGE, SESSION_EXISTS};
use super::super::{refused, session_name};
use super::created_session::CreatedSession;
use super::creation::{CreationBody, CreationRequest, Wanted, wanted};
use crate::auth::KeyPair;
use crate::frame::{Failure, FailureKind, Idempotency, Ingress, RequestBody};

/// Makes a session, or hands out the one of that name
///
/// Also at `/session/create`, `/kernel` and `/kernel/create`.
#[utoipa::path(
    post,
    path = "/session",
    operation_id = "create_session",
    tag = "sessions",
    params(ClientTokenHeaders),
    request_body(content = CreationBody, description = "What is wanted; Content-Type is not looked at"),
    responses(
        (status = 200, description = "There is one of that name and image; `config` is ignored", body = CreatedSession),
        (status = 201, description = "Made", body = CreatedSession),
        (status = 404, description = "No such image or scaling group", body = super::super::error::Problem<'static>, content_type = "application/problem+json"),
        (status = 406, description = "More than there can ever be", body = super::super::error::Problem<'static>, content_type = "application/problem+json"),
        AnyFailure,
    ),
)]
pub(super) async fn create_session(
    State(ingress): State<Ingress>,
    call: Call,
    idempotency: Idempotency,
    headers: HeaderMap,
    method: Method,
    uri: Uri,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let idempotency = with_client_token(idempotency, &headers, &method, uri.path())?;
    let now = ingress.environment.clock.now();
    let mut request = CreationRequest::of(&object(&body)?, call.version, now)?;
    let owner = match request.owner_access_key.take() {
        Some(access_key) => call.on_behalf_of(&ingress, Some(&access_key))?,
        None => call.owner(&ingress)?,
    };
    let image = ingress.directory.compute().image(&request.image);
    let image = image.map(Arc::clone).ok_or_else(|| {
        let message = format!("there is no image {}", request.image);
        Failure::new(FailureKind::NotFound, message).code(NO_IMAGE)
    })?;
    let enqueue_only = request.enqueue_only;
    let patience = patience(request.wait, ingress.limits.session_wait);
    let is_named = request.name.is_some();
    let name = request.name.take();
    let name = name.unwrap_or_else(|| session_name::made(ingress.environment.ids.as_ref()));
    let answer = if enqueue_only {
        ScheduleRule::Enqueued
    } else {
        ScheduleRule::StartedBy(now.plus(patience).as_micros())
    };
    let reuse = request.reuse;
    let wish = Wanted {
        name: name.clone(),
        answer,
    };
    let command = match wanted(request, &owner, &image, wish) {
        Ok(command) => command,
        Err(failure) if is_named => {
            let found = existing(&ingress, &call, &owner, name).await?;
            return match found {
                Some(found) if reuse && found.session.image == image.image.name => {
                    Ok(answered(found, enqueue_only))
                }
                Some(found) => Err(exists(&found)),
                None => Err(failure),
            };
        }
        Err(failure) => return Err(failure),
    };
    let deadline = if enqueue_only {
        ingress.limits.command
    } else {
        patience.saturating_add(ingress.limits.command)
    };
    let sending = ingress.send_within(deadline, &call.caller, idempotency, &body, &command);
    match sending.await? {
        Outcome::Done(created) => Ok(answered(created, enqueue_only)),
        Outcome::Refused(refusal) => Err(refused::creation(refusal)),
    }
}

/// How long the client waits.
fn patience(wanted: Option<Duration>, limit: Duration) -> Duration {
    wanted.map_or(limit, |wanted| wanted.min(limit))
}

/// The owner's session of exactly that name, if there is one: what else is asked for does not matter then.
async fn existing(
    ingress: &Ingress,
    call: &Call,
    owner: &KeyPair,
    name: String,
) -> Result<Option<CreatedComputeSession>, Failure> {
    let query = FindComputeSession {
        session: ComputeSessionReference {
            owner: owner.access_key.clone(),
            name: name.clone(),
            or_over: false,
        },
    };
    let found = match ingress.ask(&call.caller, &query).await? {
        Outcome::Done(found) => found.session,
        Outcome::Refused(_) => return Ok(None),
    };
    Ok((found.name == name).then_some(CreatedComputeSession {
        session: found,
        created: false,
        timed_out: false,
    }))
}

fn exists(found: &CreatedComputeSession) -> Failure {
    Failure::invalid("there is a session of that name")
        .code(SESSION_EXISTS)
        .data(serde_json::json!({"existingSessionId": found.session.id}))
}

fn answered(created: CreatedComputeSession, enqueue_only: bool) -> Response {
    let status = if created.created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    answer(status, &CreatedSession::of(created, enqueue_only))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_longer_than_anybody_may() {
        let hour = Duration::from_hours(1);
        let minute = Duration::from_mins(1);
        assert_eq!(patience(None, hour), hour);
        assert_eq!(patience(Some(minute), hour), minute);
        assert_eq!(patience(Some(hour * 2), hour), hour);
    }
}
