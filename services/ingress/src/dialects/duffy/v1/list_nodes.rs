//! `GET /api/v1/nodes`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::Outcome;
use muster_contract::node_allocation::ListNodes;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::description::AnyFailure;
use super::answers::json;
use super::node_object::NodeObject;
use crate::frame::{Failure, Ingress};

/// Several nodes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NodeResultCollection {
    /// Always `get`.
    #[schema(example = "get")]
    action: &'static str,
    /// The nodes, by rising number.
    nodes: Vec<NodeObject>,
}

/// Lists nodes
///
/// All there are, for everybody to see.
#[utoipa::path(
    get,
    path = "/api/v1/nodes",
    operation_id = "get_all_nodes",
    tag = "nodes",
    responses((status = 200, description = "The nodes", body = NodeResultCollection), AnyFailure),
)]
pub(super) async fn list_nodes(State(ingress): State<Ingress>) -> Result<Response, Failure> {
    let nodes = match ingress.ask_for(None, &ListNodes::default()).await? {
        Outcome::Done(page) => page.nodes,
        Outcome::Refused(never) => match never {},
    };
    let suffix = &ingress.directory.duffy().host_suffix;
    let collection = NodeResultCollection {
        action: "get",
        nodes: nodes
            .into_iter()
            .map(|node| NodeObject::new(node, suffix))
            .collect(),
    };
    Ok(json(StatusCode::OK, &collection))
}
