//! `GET /v2/{project_id}/jobs/{job_id}`

use axum::extract::State;
use axum::response::Response;
use muster_contract::session::{ListBackupJobs, ListFilter};

use super::super::call::Call;
use super::super::description::{AnyFailure, ProjectParameter};
use super::super::documents::show;
use crate::frame::{Failure, Ingress};

/// Shows a job
#[utoipa::path(
    get,
    path = "/v2/{project_id}/jobs/{job_id}",
    operation_id = "show_job",
    tag = "jobs",
    params(ProjectParameter, ("job_id" = String, Path, description = "Its id")),
    responses(
        (status = 200, description = "The job", body = Object),
        (status = 404, description = "There is none with that id; the answer is empty"),
        AnyFailure,
    ),
)]
pub(super) async fn show_job(
    State(ingress): State<Ingress>,
    call: Call,
) -> Result<Response, Failure> {
    let query = ListBackupJobs {
        tenant: Some(call.tenant.clone()),
        job_id: Some(call.id("job_id")?),
        filter: ListFilter::default(),
        offset: 0,
        limit: 1,
    };
    show(&ingress, &call, &query).await
}
