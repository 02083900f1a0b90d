//! `GET /api/jobs/used_nodes`

use std::collections::BTreeMap;

use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use muster_contract::Outcome;
use muster_contract::job_archive::ListUsedNodes;
use serde::Serialize;
use utoipa::ToSchema;

use super::description::AnyFailure;
use super::go_numbers::parse_integer;
use super::writing::to_json;
use crate::frame::{Caller, Failure, Ingress};

/// Nodes that jobs run on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct UsedNodesResponse {
    /// Their names by cluster.
    used_nodes: BTreeMap<String, Vec<String>>,
}

/// Lists the nodes that jobs run on
///
/// Those of jobs that run and started before a time, each once.
#[utoipa::path(
    get,
    path = "/api/jobs/used_nodes",
    operation_id = "used_nodes",
    tag = "query",
    params(("ts" = i64, Query, description = "Seconds since 1970 UTC", example = 1_649_723_812)),
    responses(
        (status = 200, description = "The nodes by cluster", body = UsedNodesResponse),
        AnyFailure,
    ),
)]
pub(super) async fn used_nodes(
    State(ingress): State<Ingress>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let before = before(query.as_deref().unwrap_or_default())?;
    match ingress.ask(&caller, &ListUsedNodes { before }).await? {
        Outcome::Done(used) => {
            let body = to_json(&UsedNodesResponse {
                used_nodes: used.by_cluster,
            });
            Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
        }
        Outcome::Refused(_) => Err(Failure::invalid("too many jobs run; ask for an earlier ts")),
    }
}

fn before(query: &str) -> Result<i64, Failure> {
    let mut parameters = form_urlencoded::parse(query.as_bytes());
    let ts = parameters.find(|(name, value)| name == "ts" && !value.is_empty());
    let (_, ts) = ts.ok_or_else(|| Failure::invalid("missing required query parameter: ts"))?;
    parse_integer("ParseInt", &ts)
        .map_err(|reason| Failure::invalid(format!("invalid timestamp format: {reason}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_to_be_given() {
        assert_eq!(before("x=1&ts=-7").unwrap(), -7);
        for (query, message) in [
            ("", "missing required query parameter: ts"),
            ("ts=", "missing required query parameter: ts"),
            (
                "ts=now",
                "invalid timestamp format: strconv.ParseInt: parsing \"now\": invalid syntax",
            ),
        ] {
            assert_eq!(before(query).unwrap_err().message(), message);
        }
    }
}
