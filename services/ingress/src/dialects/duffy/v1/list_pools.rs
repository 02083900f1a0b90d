//! `GET /api/v1/pools`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::description::AnyFailure;
use super::answers::json;
use super::pool_object::{PoolObject, pools};
use crate::frame::{Failure, Ingress};

/// Several pools.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PoolResultCollection {
    /// Always `get`.
    #[schema(example = "get")]
    action: &'static str,
    /// The pools, by name.
    pools: Vec<PoolObject>,
}

/// Lists pools
#[utoipa::path(
    get,
    path = "/api/v1/pools",
    operation_id = "get_all_pools",
    tag = "pools",
    responses((status = 200, description = "The pools", body = PoolResultCollection), AnyFailure),
)]
pub(super) async fn list_pools(State(ingress): State<Ingress>) -> Result<Response, Failure> {
    let pools = pools(&ingress).await?;
    let collection = PoolResultCollection {
        action: "get",
        pools: pools.into_iter().map(PoolObject::concise).collect(),
    };
    Ok(json(StatusCode::OK, &collection))
}
