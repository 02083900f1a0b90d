//! `POST /api/v1/tenants`

use super::super::description::AnyFailure;
use super::super::error::Detail;
use super::answers::forbidden;
use crate::frame::{Caller, Failure};

/// Why no tenant is made or changed.
pub(super) const DECLARED: &str = "tenants, their quotas and keys are declared in the site file";

/// Makes a tenant
///
/// Not here: who may do what is declared in the site file.
#[utoipa::path(
    post,
    path = "/api/v1/tenants",
    operation_id = "create_tenant",
    tag = "tenants",
    security(("HTTPBasic" = [])),
    responses((status = 403, description = "Always", body = Detail), AnyFailure),
)]
pub(super) async fn create_tenant(_caller: Caller) -> Failure {
    forbidden(DECLARED)
}
