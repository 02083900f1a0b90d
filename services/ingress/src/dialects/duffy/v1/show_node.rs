//! `GET /api/v1/nodes/{id}`

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::Outcome;
use muster_contract::node_allocation::ListNodes;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::description::AnyFailure;
use super::super::error::Detail;
use super::answers::{json, not_found, number};
use super::node_object::NodeObject;
use crate::frame::{Caller, Failure, Ingress};

/// One node.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NodeResult {
    /// `get` or `post`.
    #[schema(example = "get")]
    pub(super) action: &'static str,
    /// The node.
    pub(super) node: NodeObject,
}

/// Shows a node
#[utoipa::path(
    get,
    path = "/api/v1/nodes/{id}",
    operation_id = "get_node",
    tag = "nodes",
    security(("HTTPBasic" = [])),
    params(("id" = i64, Path, description = "Number of the node")),
    responses(
        (status = 200, description = "The node", body = NodeResult),
        (status = 404, description = "There is none of that number", body = Detail),
        (status = 422, description = "The id is no number", body = Detail),
        AnyFailure,
    ),
)]
pub(super) async fn show_node(
    State(ingress): State<Ingress>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Failure> {
    let query = ListNodes {
        id: Some(number(id)?),
        limit: Some(1),
        ..ListNodes::default()
    };
    let found = match ingress.ask(&caller, &query).await? {
        Outcome::Done(page) => page.nodes.into_iter().next(),
        Outcome::Refused(never) => match never {},
    };
    let suffix = &ingress.directory.duffy().host_suffix;
    let node = NodeObject::new(found.ok_or_else(not_found)?, suffix);
    Ok(json(
        StatusCode::OK,
        &NodeResult {
            action: "get",
            node,
        },
    ))
}
