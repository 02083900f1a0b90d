//! `GET /v2/{project_id}/clients/{client_id}`

use axum::extract::State;
use axum::response::Response;
use muster_contract::session::{ListBackupClients, ListFilter};

use super::super::call::Call;
use super::super::description::{AnyFailure, ProjectParameter};
use super::super::documents::show;
use crate::frame::{Failure, Ingress};

/// Shows a client
#[utoipa::path(
    get,
    path = "/v2/{project_id}/clients/{client_id}",
    operation_id = "show_client",
    tag = "clients",
    params(ProjectParameter, ("client_id" = String, Path, description = "Its id")),
    responses(
        (status = 200, description = "The client", body = Object),
        (status = 404, description = "There is none with that id; the answer is empty"),
        AnyFailure,
    ),
)]
pub(super) async fn show_client(
    State(ingress): State<Ingress>,
    call: Call,
) -> Result<Response, Failure> {
    let query = ListBackupClients {
        tenant: Some(call.tenant.clone()),
        client_id: Some(call.client_id()?),
        filter: ListFilter::default(),
        offset: 0,
        limit: 1,
    };
    show(&ingress, &call, &query).await
}
