//! `GET /v2/{project_id}/backups/{backup_id}`

use axum::extract::State;
use axum::response::Response;
use muster_contract::session::{ListBackups, ListFilter};

use super::super::call::Call;
use super::super::description::{AnyFailure, ProjectParameter};
use super::super::documents::show;
use crate::frame::{Failure, Ingress};

/// Shows a backup
#[utoipa::path(
    get,
    path = "/v2/{project_id}/backups/{backup_id}",
    operation_id = "show_backup",
    tag = "backups",
    params(ProjectParameter, ("backup_id" = String, Path, description = "Its id")),
    responses(
        (status = 200, description = "The backup", body = Object),
        (status = 404, description = "There is none with that id; the answer is empty"),
        AnyFailure,
    ),
)]
pub(super) async fn show_backup(
    State(ingress): State<Ingress>,
    call: Call,
) -> Result<Response, Failure> {
    let query = ListBackups {
        tenant: Some(call.tenant.clone()),
        backup_id: Some(call.id("backup_id")?),
        filter: ListFilter::default(),
        offset: 0,
        limit: 1,
    };
    show(&ingress, &call, &query).await
}
