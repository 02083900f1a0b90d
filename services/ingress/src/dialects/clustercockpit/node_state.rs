//! `POST|PUT /api/nodestate/` and `GET /api/nodestate/`

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use muster_clustercockpit::NodeStatesRequest;
use muster_contract::Outcome;
use muster_contract::job_archive::{KnownNode, ListNodeStates, RecordNodeStatesRefusal};
use serde::Serialize;
use utoipa::ToSchema;

use super::description::{AnyFailure, WriteFailures};
use super::writing::to_json;
use crate::frame::{Caller, Failure, Idempotency, IdempotencyKeyHeader, Ingress, RequestBody};

/// Tells the states of nodes
///
/// As the batch system has them at this moment. The answer has no body.
#[utoipa::path(
    method(post, put),
    path = "/api/nodestate/",
    operation_id = "record_node_states",
    tag = "add and modify",
    params(IdempotencyKeyHeader),
    request_body(content = NodeStatesRequest, description = "The nodes; Content-Type is not looked at"),
    responses(
        (status = 200, description = "Recorded",
            headers(("Muster-Command-Id" = String, description = "The command this became"))),
        (status = 422, description = "The Idempotency-Key was used for another request", body = super::error::ErrorResponse),
        WriteFailures,
    ),
)]
pub(super) async fn record_node_states(
    State(ingress): State<Ingress>,
    caller: Caller,
    idempotency: Idempotency,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let request = NodeStatesRequest::parse(&body)?;
    let command = request.into_command(ingress.environment.clock.now().as_seconds());
    match ingress.send(&caller, idempotency, &body, &command).await? {
        Outcome::Done(_) => Ok(StatusCode::OK.into_response()),
        Outcome::Refused(RecordNodeStatesRefusal::UnknownCluster { cluster }) => {
            Err(Failure::invalid(format!("no such cluster: {cluster}")))
        }
        Outcome::Refused(RecordNodeStatesRefusal::TooMany { limit }) => Err(Failure::invalid(
            format!("more than {limit} nodes in one request"),
        )),
    }
}

/// What is known of nodes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NodeStatesResponse<'a> {
    /// They, by cluster and name.
    nodes: Vec<NodeObject<'a>>,
}

/// What is known of a node.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NodeObject<'a> {
    /// Its cluster.
    cluster: &'a str,
    /// Its name.
    hostname: &'a str,
    /// `allocated`, `reserved`, `idle`, `down`, `mixed` or `unknown`.
    #[schema(example = "idle")]
    state: &'static str,
    /// Since when it is in that state: seconds since 1970 UTC.
    since: i64,
    /// When that was told: seconds since 1970 UTC.
    time: i64,
    /// Processors in use.
    cpus_allocated: i64,
    /// Memory in use, in MB.
    memory_allocated: i64,
    /// Accelerators in use.
    gpus_allocated: i64,
    /// Jobs on it.
    jobs_running: i64,
}

impl<'a> From<&'a KnownNode> for NodeObject<'a> {
    fn from(node: &'a KnownNode) -> Self {
        let report = &node.report;
        Self {
            cluster: &node.cluster,
            hostname: &report.hostname,
            state: report.state.name(),
            since: node.since,
            time: node.time,
            cpus_allocated: report.cpus_allocated,
            memory_allocated: report.memory_allocated,
            gpus_allocated: report.gpus_allocated,
            jobs_running: report.jobs_running,
        }
    }
}

/// Lists the states of nodes
///
/// What was told last of each node by the caller's project. cc-backend has no such request.
#[utoipa::path(
    get,
    path = "/api/nodestate/",
    operation_id = "list_node_states",
    tag = "query",
    params(("cluster" = Option<String>, Query, description = "Only of this cluster", example = "fritz")),
    responses(
        (status = 200, description = "The nodes", body = NodeStatesResponse),
        AnyFailure,
    ),
)]
pub(super) async fn list_node_states(
    State(ingress): State<Ingress>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let query = query.unwrap_or_default();
    let mut parameters = form_urlencoded::parse(query.as_bytes());
    let cluster = parameters
        .find(|(name, _)| name == "cluster")
        .map(|(_, value)| value.into_owned());
    match ingress.ask(&caller, &ListNodeStates { cluster }).await? {
        Outcome::Done(known) => {
            let body = to_json(&NodeStatesResponse {
                nodes: known.nodes.iter().map(NodeObject::from).collect(),
            });
            Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
        }
        Outcome::Refused(never) => match never {},
    }
}
