//! `GET /v2/{project_id}/actions/{action_id}`

use axum::extract::State;
use axum::response::Response;
use muster_contract::session::{ListBackupActions, ListFilter};

use super::super::call::Call;
use super::super::description::{AnyFailure, ProjectParameter};
use super::super::documents::show;
use crate::frame::{Failure, Ingress};

/// Shows an action
#[utoipa::path(
    get,
    path = "/v2/{project_id}/actions/{action_id}",
    operation_id = "show_action",
    tag = "actions",
    params(ProjectParameter, ("action_id" = String, Path, description = "Its id")),
    responses(
        (status = 200, description = "The action", body = Object),
        (status = 404, description = "There is none with that id; the answer is empty"),
        AnyFailure,
    ),
)]
pub(super) async fn show_action(
    State(ingress): State<Ingress>,
    call: Call,
) -> Result<Response, Failure> {
    let query = ListBackupActions {
        tenant: Some(call.tenant.clone()),
        action_id: Some(call.id("action_id")?),
        filter: ListFilter::default(),
        offset: 0,
        limit: 1,
    };
    show(&ingress, &call, &query).await
}
