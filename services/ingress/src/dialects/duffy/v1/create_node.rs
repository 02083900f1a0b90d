//! `POST /api/v1/nodes`

use super::super::description::AnyFailure;
use super::super::error::Detail;
use super::answers::forbidden;
use crate::frame::{Caller, Failure};

/// Adds a node
///
/// Not here: nodes are the operator's, who declares them in the site file or adds them with `muster node add`.
#[utoipa::path(
    post,
    path = "/api/v1/nodes",
    operation_id = "create_node",
    tag = "nodes",
    security(("HTTPBasic" = [])),
    responses((status = 403, description = "Always", body = Detail), AnyFailure),
)]
pub(super) async fn create_node(_caller: Caller) -> Failure {
    forbidden("nodes are declared in the site file, or added with `muster node add`")
}
