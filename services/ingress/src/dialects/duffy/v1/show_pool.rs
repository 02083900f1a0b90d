//! `GET /api/v1/pools/{name}`

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::description::AnyFailure;
use super::super::error::Detail;
use super::answers::{json, not_found};
use super::pool_object::{PoolObject, pools};
use crate::frame::{Failure, Ingress};

/// One pool.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PoolResult {
    /// Always `get`.
    #[schema(example = "get")]
    action: &'static str,
    /// The pool.
    pool: PoolObject,
}

/// Shows a pool
///
/// And how many of its nodes are in which state.
#[utoipa::path(
    get,
    path = "/api/v1/pools/{name}",
    operation_id = "get_pool",
    tag = "pools",
    params(("name" = String, Path, description = "Name of the pool")),
    responses(
        (status = 200, description = "The pool", body = PoolResult),
        (status = 404, description = "There is none of that name", body = Detail),
        AnyFailure,
    ),
)]
pub(super) async fn show_pool(
    State(ingress): State<Ingress>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Response, Failure> {
    // A name that is no UTF-8 is none.
    let Path(name) = name.map_err(|_| not_found())?;
    let pools = pools(&ingress).await?;
    let found = pools.into_iter().find(|pool| pool.name == name);
    let pool = PoolObject::verbose(found.ok_or_else(not_found)?);
    Ok(json(
        StatusCode::OK,
        &PoolResult {
            action: "get",
            pool,
        },
    ))
}
