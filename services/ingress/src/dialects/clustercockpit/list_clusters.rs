//! `GET /api/clusters/`

use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use muster_contract::Outcome;
use muster_contract::job_archive::{ListClusters, ListClustersRefusal};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::description::AnyFailure;
use super::writing::to_json;
use crate::frame::{Caller, Failure, Ingress};

/// Descriptions of clusters.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ClustersResponse {
    /// Each as its `cluster.json` has it.
    #[schema(value_type = Vec<Object>)]
    clusters: Vec<Value>,
}

/// Describes the clusters
#[utoipa::path(
    get,
    path = "/api/clusters/",
    operation_id = "list_clusters",
    tag = "query",
    params(("cluster" = Option<String>, Query, description = "Only this one", example = "fritz")),
    responses(
        (status = 200, description = "The clusters", body = ClustersResponse),
        AnyFailure,
    ),
)]
pub(super) async fn list_clusters(
    State(ingress): State<Ingress>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let query = query.unwrap_or_default();
    let mut parameters = form_urlencoded::parse(query.as_bytes());
    let name = parameters
        .find(|(name, _)| name == "cluster")
        .map(|(_, value)| value.into_owned());
    let question = ListClusters { name };
    match ingress.ask(&caller, &question).await? {
        Outcome::Done(found) => {
            let body = to_json(&ClustersResponse {
                clusters: found.clusters,
            });
            Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
        }
        Outcome::Refused(ListClustersRefusal::Unknown) => Err(Failure::invalid(format!(
            "unknown cluster: {}",
            question.name.unwrap_or_default()
        ))),
    }
}
