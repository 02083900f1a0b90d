//! `GET /v2/{project_id}/clients`

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::session::{Document, ListBackupClients};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::body::answer;
use super::super::call::Call;
use super::super::description::{AnyFailure, ProjectParameter};
use super::super::documents::list;
use super::super::list_parameters::{Filter, Page, PageParameters, filter};
use crate::frame::{Failure, Ingress, RequestBody};

/// A page of clients.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ClientList {
    /// The clients, in the order in which they were made.
    #[schema(value_type = Vec<Object>)]
    clients: Vec<Document>,
}

/// Lists clients
///
/// Those of the project, and central ones of others.
#[utoipa::path(
    get,
    path = "/v2/{project_id}/clients",
    operation_id = "list_clients",
    tag = "clients",
    params(ProjectParameter, PageParameters),
    request_body(content = inline(Option<Filter>), description = "Which of them"),
    responses((status = 200, description = "The clients", body = ClientList), AnyFailure),
)]
pub(super) async fn list_clients(
    State(ingress): State<Ingress>,
    call: Call,
    RawQuery(query): RawQuery,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let page = Page::of_query(query.as_deref())?;
    let query = ListBackupClients {
        tenant: page.tenant(&call)?,
        client_id: None,
        filter: filter(&body)?,
        offset: page.offset,
        limit: page.limit,
    };
    let clients = list(&ingress, &call, &query).await?;
    Ok(answer(StatusCode::OK, &ClientList { clients }))
}
