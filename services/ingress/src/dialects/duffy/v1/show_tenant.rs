//! `GET /api/v1/tenants/{id}`

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::description::AnyFailure;
use super::super::error::Detail;
use super::answers::{forbidden, json, not_found, number};
use super::tenant_object::{TenantObject, project_of};
use crate::frame::{Caller, Failure, Ingress};

/// One tenant.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TenantResult {
    /// Always `get`.
    #[schema(example = "get")]
    action: &'static str,
    /// The tenant.
    tenant: TenantObject,
}

/// Shows a tenant
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{id}",
    operation_id = "get_tenant",
    tag = "tenants",
    security(("HTTPBasic" = [])),
    params(("id" = i64, Path, description = "Number of the tenant")),
    responses(
        (status = 200, description = "The tenant", body = TenantResult),
        (status = 403, description = "It is another one than the caller's", body = Detail),
        (status = 404, description = "There is none of that number", body = Detail),
        (status = 422, description = "The id is no number", body = Detail),
        AnyFailure,
    ),
)]
pub(super) async fn show_tenant(
    State(ingress): State<Ingress>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Failure> {
    let project = project_of(&ingress.directory, number(id)?).ok_or_else(not_found)?;
    let principal = &caller.principal;
    if project.name != principal.project && !principal.sees_all_tenants() {
        return Err(forbidden("Forbidden"));
    }
    let tenant = TenantObject::of(&ingress.directory, &project.name);
    Ok(json(
        StatusCode::OK,
        &TenantResult {
            action: "get",
            tenant,
        },
    ))
}
