//! `PUT /api/v1/tenants/{id}`

use super::super::description::AnyFailure;
use super::super::error::Detail;
use super::answers::forbidden;
use super::create_tenant::DECLARED;
use crate::frame::{Caller, Failure};

/// Changes a tenant
///
/// Not here: who may do what is declared in the site file.
#[utoipa::path(
    put,
    path = "/api/v1/tenants/{id}",
    operation_id = "update_tenant",
    tag = "tenants",
    security(("HTTPBasic" = [])),
    params(("id" = i64, Path, description = "Number of the tenant")),
    responses((status = 403, description = "Always", body = Detail), AnyFailure),
)]
pub(super) async fn update_tenant(_caller: Caller) -> Failure {
    forbidden(DECLARED)
}
