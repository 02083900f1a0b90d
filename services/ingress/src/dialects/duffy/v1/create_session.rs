//! `POST /api/v1/sessions`

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::node_allocation::{NodeDemand, NodeSelector};
use muster_contract::session::{OpenNodeSession, OpenNodeSessionRefusal};
use muster_contract::{Outcome, Principal};
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::description::AnyFailure;
use super::super::error::Detail;
use super::super::limits::{NAME_LIMIT, NODES_LIMIT, SPECS_LIMIT, WAIT_LIMIT, is_name};
use super::super::patience;
use super::super::waiting_for_nodes::send_waiting;
use super::answers::{body, forbidden, json, unprocessable};
use super::refused::allocation;
use super::session_object::{SessionObject, SessionResult};
use super::tenant_object::{id_of, project_of};
use crate::frame::{
    Caller, Failure, FailureKind, Idempotency, IdempotencyKeyHeader, Ingress, RequestBody,
};

/// A session to be opened.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct SessionCreate {
    /// Whose it shall be, if not the caller's own; an administrator may say so.
    tenant_id: Option<i64>,
    /// Its nodes: all of them or none. May be empty.
    nodes_specs: Vec<NodesSpec>,
    /// A name for it that the legacy API knows it by too. (Not in Duffy.)
    alias: Option<String>,
    /// Wait so many seconds for nodes, 300 at most; a client that goes away meanwhile does not wait on, unless it gave an
    /// `Idempotency-Key`. (Not in Duffy.)
    wait: Option<u64>,
}

/// Nodes of one pool.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct NodesSpec {
    /// How many.
    #[schema(minimum = 1, maximum = 10000)]
    quantity: u32,
    /// Name of the pool.
    #[schema(example = "metal-7-x86_64")]
    pool: String,
}

/// Opens a session
///
/// With the nodes that are asked for, from as many pools as one likes.
#[utoipa::path(
    post,
    path = "/api/v1/sessions",
    operation_id = "create_session",
    tag = "sessions",
    security(("HTTPBasic" = [])),
    params(IdempotencyKeyHeader),
    request_body(content = SessionCreate, description = "What is wanted; Content-Type is not looked at"),
    responses(
        (status = 201, description = "The session", body = SessionResult),
        (status = 403, description = "For another tenant, or more nodes than the quota allows", body = Detail),
        (status = 409, description = "Another live session of the tenant has that alias", body = Detail),
        (status = 400, description = "The header Idempotency-Key is none", body = Detail),
        (status = 413, description = "The body is too large", body = Detail),
        (status = 422, description = "The nodes cannot be had, the session could not be set up, the body is not valid, or the Idempotency-Key was used for another request", body = Detail),
        AnyFailure,
    ),
)]
pub(super) async fn create_session(
    State(ingress): State<Ingress>,
    caller: Caller,
    idempotency: Idempotency,
    RequestBody(bytes): RequestBody,
) -> Result<Response, Failure> {
    let asked: SessionCreate = body(&bytes)?;
    let caller = Caller {
        principal: owner(&ingress, &caller.principal, asked.tenant_id)?,
        request: caller.request,
    };
    let wait = wait(asked.wait)?;
    let now = ingress.environment.clock.now();
    let command = OpenNodeSession {
        alias: asked.alias,
        demands: demands(asked.nodes_specs)?,
        wait_until: wait.map(|wait| now.plus(wait).as_micros()),
        job: None,
        rate: None,
    };
    let with_nodes = !command.demands.is_empty();
    let patience = patience::for_session(&ingress, &caller, wait, with_nodes);
    let outcome = send_waiting(&ingress, patience, &caller, idempotency, &bytes, &command).await?;
    match outcome {
        Outcome::Done(opened) => {
            let result = SessionResult {
                action: "post",
                session: SessionObject::new(opened, &ingress.directory),
            };
            Ok(json(StatusCode::CREATED, &result))
        }
        Outcome::Refused(refusal) => Err(refused(&refusal)),
    }
}

/// For whom the session is: the caller, or the tenant that an administrator names.
fn owner(
    ingress: &Ingress,
    caller: &Arc<Principal>,
    tenant: Option<i64>,
) -> Result<Arc<Principal>, Failure> {
    let Some(tenant) = tenant.filter(|tenant| *tenant != id_of(&caller.project)) else {
        return Ok(Arc::clone(caller));
    };
    if !caller.crosses_tenants() {
        return Err(forbidden("can't create session for other tenant"));
    }
    let project = project_of(&ingress.directory, tenant)
        .ok_or_else(|| unprocessable(format!("can't find tenant with id {tenant}")))?;
    Ok(Arc::new(Principal {
        project: project.name.clone(),
        domain: project.domain.clone(),
        ..caller.as_ref().clone()
    }))
}

fn demands(specs: Vec<NodesSpec>) -> Result<Vec<NodeDemand>, Failure> {
    if specs.len() > SPECS_LIMIT {
        return Err(unprocessable(format!("nodes_specs: {SPECS_LIMIT} at most")));
    }
    specs
        .into_iter()
        .map(|NodesSpec { quantity, pool }| {
            if !(1..=NODES_LIMIT).contains(&quantity) {
                return Err(unprocessable(format!(
                    "quantity has to be a number from 1 to {NODES_LIMIT}"
                )));
            }
            if !is_name(&pool, NAME_LIMIT) {
                return Err(unprocessable("pool: no pool can have that name"));
            }
            Ok(NodeDemand {
                selector: NodeSelector::Pool { name: pool },
                minimum: quantity,
                maximum: quantity,
                excluded_hosts: Vec::new(),
            })
        })
        .collect()
}

fn wait(seconds: Option<u64>) -> Result<Option<Duration>, Failure> {
    match seconds.map(Duration::from_secs) {
        Some(wait) if wait > WAIT_LIMIT => Err(unprocessable(format!(
            "wait has to be a number from 0 to {}",
            WAIT_LIMIT.as_secs()
        ))),
        wait => Ok(wait.filter(|wait| !wait.is_zero())),
    }
}

fn refused(refusal: &OpenNodeSessionRefusal) -> Failure {
    match refusal {
        OpenNodeSessionRefusal::AliasInUse { session } => Failure::new(
            FailureKind::Conflict,
            format!("session {session} has that alias"),
        ),
        OpenNodeSessionRefusal::InvalidAlias => {
            unprocessable("an alias has 1 to 255 bytes and no control characters, and is no UUID")
        }
        OpenNodeSessionRefusal::TooManySessions { sessions, seconds } => unprocessable(format!(
            "can't reserve nodes: {sessions} sessions were opened in {seconds} seconds"
        )),
        OpenNodeSessionRefusal::Allocation(refusal) => allocation(refusal),
        // The hook's own words are for operators.
        OpenNodeSessionRefusal::SetUpFailed { .. } => {
            unprocessable("can't reserve nodes: the session could not be set up")
        }
        OpenNodeSessionRefusal::Closed => {
            unprocessable("can't reserve nodes: the session was retired meanwhile")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_hook_said_is_not_told_to_owners() {
        let reason = "password=secret".to_owned();
        let failure = refused(&OpenNodeSessionRefusal::SetUpFailed { reason });
        assert_eq!(failure.kind().status(), 422);
        assert!(!format!("{failure:?}").contains("secret"));
    }

    fn parse(text: &str) -> Result<Vec<NodeDemand>, Failure> {
        let asked: SessionCreate = body(text.as_bytes())?;
        wait(asked.wait)?;
        demands(asked.nodes_specs)
    }

    #[test]
    fn several_kinds_in_one_request() {
        let demands = parse(
            r#"{"tenant_id":null,"nodes_specs":[{"quantity":2,"pool":"a"},{"quantity":1,"pool":"b"}]}"#,
        )
        .unwrap();
        assert_eq!(demands.len(), 2);
        assert_eq!((demands[0].minimum, demands[0].maximum), (2, 2));
        assert!(parse(r#"{"nodes_specs":[]}"#).unwrap().is_empty());
    }

    #[test]
    fn what_makes_no_sense_is_422() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"nodes_specs":{}}"#,
            r#"{"nodes_specs":[{"quantity":0,"pool":"a"}]}"#,
            r#"{"nodes_specs":[{"quantity":-1,"pool":"a"}]}"#,
            r#"{"nodes_specs":[{"quantity":1.5,"pool":"a"}]}"#,
            r#"{"nodes_specs":[{"quantity":"1","pool":"a"}]}"#,
            r#"{"nodes_specs":[{"quantity":10001,"pool":"a"}]}"#,
            r#"{"nodes_specs":[{"quantity":1,"pool":""}]}"#,
            r#"{"nodes_specs":[{"quantity":1,"pool":"a\u0000"}]}"#,
            r#"{"nodes_specs":[{"quantity":1}]}"#,
            r#"{"nodes_specs":[],"wait":301}"#,
            r#"{"nodes_specs":[],"wait":-1}"#,
        ] {
            assert_eq!(parse(text).unwrap_err().kind().status(), 422, "{text}");
        }
    }
}
