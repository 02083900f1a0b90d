//! What endpoints of jobs, actions, clients and backups do alike: send a command, list, show.

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::message::Never;
use muster_contract::session::{Document, DocumentPage, DocumentRefusal};
use muster_contract::{Command, Outcome, Query};

use super::body::{answer, nothing_there};
use super::call::Call;
use super::refused;
use crate::frame::{Failure, Idempotency, Ingress};

/// Sends a command for the caller, whose request has this body, and waits for what comes of it.
pub(super) async fn carry_out<C: Command<Refusal = DocumentRefusal>>(
    ingress: &Ingress,
    call: &Call,
    idempotency: Idempotency,
    body: &Bytes,
    command: &C,
) -> Result<C::Reply, Failure> {
    match ingress
        .send(&call.caller, idempotency, body, command)
        .await?
    {
        Outcome::Done(reply) => Ok(reply),
        Outcome::Refused(refusal) => Err(refused::document(refusal)),
    }
}

/// Those that are asked for.
pub(super) async fn list<Q: Query<Answer = DocumentPage, Refusal = Never>>(
    ingress: &Ingress,
    call: &Call,
    query: &Q,
) -> Result<Vec<Document>, Failure> {
    match ingress.ask(&call.caller, query).await? {
        Outcome::Done(page) => Ok(page.documents),
        Outcome::Refused(never) => match never {},
    }
}

/// The answer to a question about one of them.
pub(super) async fn show<Q: Query<Answer = DocumentPage, Refusal = Never>>(
    ingress: &Ingress,
    call: &Call,
    query: &Q,
) -> Result<Response, Failure> {
    let found = list(ingress, call, query).await?.into_iter().next();
    Ok(found.map_or_else(nothing_there, |document| answer(StatusCode::OK, &document)))
}
