//! `GET /Node/done`

use axum::extract::State;
use axum::response::Response;
use muster_contract::Outcome;
use muster_contract::session::{ShrinkNodeSession, ShrinkNodeSessionRefusal};
use utoipa::IntoParams;

use super::super::description::LegacyFailures;
use super::super::limits::{NAME_LIMIT, is_name};
use super::answers::done;
use super::call::{Call, essence};
use super::refused;
use super::session_done::close;
use super::session_reference::reference;
use crate::frame::{Failure, FailureKind, Idempotency, IdempotencyKeyHeader, Ingress};

/// What is given back.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description")]
pub(super) struct NodeDoneParameters {
    /// Key of the project.
    key: String,
    /// The session: its id or its alias.
    ssid: String,
    /// Give back this node alone, by its short or its full name, and keep the session.
    #[param(example = "n24.dusty.ci.centos.org")]
    node: Option<String>,
}

/// Gives nodes back
///
/// All of a session, which ends it, or one of them.
#[utoipa::path(
    get,
    path = "/Node/done",
    operation_id = "node_done",
    tag = "legacy",
    params(NodeDoneParameters, IdempotencyKeyHeader),
    responses(
        (status = 200, description = "`\"Done\"`; `{\"msg\":\"Session not in Prod\"}` if the session is over", body = String, content_type = "application/json", example = "Done"),
        LegacyFailures,
    ),
)]
pub(super) async fn node_done(
    State(ingress): State<Ingress>,
    call: Call,
    header: Idempotency,
) -> Result<Response, Failure> {
    let Some(node) = call.parameters.get("node") else {
        return close(&ingress, &call, header).await;
    };
    let (caller, ssid) = call.caller_and_session(&ingress).await?;
    let idempotency = call.idempotency(header)?;
    // An empty name is an empty variable in somebody's script, and no wish to end the session.
    if !is_name(node, NAME_LIMIT) {
        return Err(invalid_node());
    }
    let hostname = short_name(node, &ingress.directory.duffy().host_suffix).to_owned();
    let body = essence(&(ssid, &hostname));
    let command = ShrinkNodeSession {
        session: reference(ssid),
        hostname,
    };
    match ingress.send(&caller, idempotency, &body, &command).await? {
        Outcome::Done(_) => Ok(done()),
        Outcome::Refused(ShrinkNodeSessionRefusal::Session(refusal)) => refused::session(&refusal),
        Outcome::Refused(ShrinkNodeSessionRefusal::UnknownNode) => Err(invalid_node()),
    }
}

/// The name that the inventory has.
fn short_name<'a>(name: &'a str, suffix: &str) -> &'a str {
    name.strip_suffix(suffix)
        .filter(|short| !short.is_empty())
        .unwrap_or(name)
}

fn invalid_node() -> Failure {
    Failure::new(FailureKind::Forbidden, "Invalid node")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_may_be_called_by_either_name() {
        let suffix = ".ci.centos.org";
        assert_eq!(short_name("n24.dusty.ci.centos.org", suffix), "n24.dusty");
        assert_eq!(short_name("n24.dusty", suffix), "n24.dusty");
        assert_eq!(short_name(".ci.centos.org", suffix), ".ci.centos.org");
        assert_eq!(short_name("n24.dusty", ""), "n24.dusty");
    }
}
