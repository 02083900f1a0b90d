//! `GET /v2/{project_id}/backups`

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::session::{Document, ListBackups};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::body::answer;
use super::super::call::Call;
use super::super::description::{AnyFailure, ProjectParameter};
use super::super::documents::list;
use super::super::list_parameters::{Filter, Page, PageParameters, filter};
use crate::frame::{Failure, Ingress, RequestBody};

/// A page of backups.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BackupList {
    /// The backups, in the order in which they were made.
    #[schema(value_type = Vec<Object>)]
    backups: Vec<Document>,
}

/// Lists backups
///
/// In the order in which they were made.
#[utoipa::path(
    get,
    path = "/v2/{project_id}/backups",
    operation_id = "list_backups",
    tag = "backups",
    params(ProjectParameter, PageParameters),
    request_body(content = inline(Option<Filter>), description = "Which of them"),
    responses((status = 200, description = "The backups", body = BackupList), AnyFailure),
)]
pub(super) async fn list_backups(
    State(ingress): State<Ingress>,
    call: Call,
    RawQuery(query): RawQuery,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let page = Page::of_query(query.as_deref())?;
    let query = ListBackups {
        tenant: page.tenant(&call)?,
        backup_id: None,
        filter: filter(&body)?,
        offset: page.offset,
        limit: page.limit,
    };
    let backups = list(&ingress, &call, &query).await?;
    Ok(answer(StatusCode::OK, &BackupList { backups }))
}
