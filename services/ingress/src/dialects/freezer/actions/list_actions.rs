//! `GET /v2/{project_id}/actions`

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::session::{Document, ListBackupActions};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::body::answer;
use super::super::call::Call;
use super::super::description::{AnyFailure, ProjectParameter};
use super::super::documents::list;
use super::super::list_parameters::{Filter, Page, PageParameters, filter};
use crate::frame::{Failure, Ingress, RequestBody};

/// A page of actions.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ActionList {
    /// The actions, in the order in which they were made.
    #[schema(value_type = Vec<Object>)]
    actions: Vec<Document>,
}

/// Lists actions
///
/// In the order in which they were made.
#[utoipa::path(
    get,
    path = "/v2/{project_id}/actions",
    operation_id = "list_actions",
    tag = "actions",
    params(ProjectParameter, PageParameters),
    request_body(content = inline(Option<Filter>), description = "Which of them"),
    responses((status = 200, description = "The actions", body = ActionList), AnyFailure),
)]
pub(super) async fn list_actions(
    State(ingress): State<Ingress>,
    call: Call,
    RawQuery(query): RawQuery,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let page = Page::of_query(query.as_deref())?;
    let query = ListBackupActions {
        tenant: page.tenant(&call)?,
        action_id: None,
        filter: filter(&body)?,
        offset: page.offset,
        limit: page.limit,
    };
    let actions = list(&ingress, &call, &query).await?;
    Ok(answer(StatusCode::OK, &ActionList { actions }))
}
