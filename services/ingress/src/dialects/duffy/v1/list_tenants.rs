//! `GET /api/v1/tenants`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::description::AnyFailure;
use super::answers::json;
use super::tenant_object::TenantObject;
use crate::frame::{Caller, Failure, Ingress};

/// Several tenants.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TenantResultCollection {
    /// Always `get`.
    #[schema(example = "get")]
    action: &'static str,
    /// The tenants, in the order of the site file.
    tenants: Vec<TenantObject>,
}

/// Lists tenants
///
/// All of them to an administrator, to others their own.
#[utoipa::path(
    get,
    path = "/api/v1/tenants",
    operation_id = "get_all_tenants",
    tag = "tenants",
    security(("HTTPBasic" = [])),
    responses((status = 200, description = "The tenants", body = TenantResultCollection), AnyFailure),
)]
pub(super) async fn list_tenants(
    State(ingress): State<Ingress>,
    caller: Caller,
) -> Result<Response, Failure> {
    let principal = &caller.principal;
    let tenants = ingress
        .directory
        .tenants()
        .iter()
        .filter(|tenant| principal.sees_all_tenants() || tenant.name == principal.project)
        .map(|tenant| TenantObject::of(&ingress.directory, &tenant.name))
        .collect();
    let collection = TenantResultCollection {
        action: "get",
        tenants,
    };
    Ok(json(StatusCode::OK, &collection))
}
