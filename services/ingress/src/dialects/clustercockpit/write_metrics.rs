//! `POST /api/write`

use axum::extract::Query;
use std::fmt::Write as _;

use axum::extract::State;
use axum::extract::rejection::QueryRejection;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use muster_clustercockpit::samples::{NAME_LIMIT, read_samples};
use serde::Deserialize;
use utoipa::IntoParams;

use super::description::WriteFailures;
use crate::frame::{Caller, Failure, Ingress, RequestBody};

/// What stands beside the lines.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct WriteParameters {
    /// The cluster of lines that name none.
    #[param(example = "fritz", max_length = 255)]
    cluster: Option<String>,
}

/// Stores metric samples
///
/// `InfluxDB` line protocol, as cc-metric-collector sends it: the measurement is the metric, `value` its field, the tags `cluster`,
/// `hostname`, `type` and `type-id` say where it was measured. All lines are stored or none; the same sample twice is once.
/// Lines of clusters that the archive does not know are passed over, as are those older than what it keeps.
#[utoipa::path(
    post,
    path = "/api/write",
    operation_id = "write_metrics",
    tag = "add and modify",
    params(WriteParameters),
    request_body(content = String, content_type = "text/plain", description = "Lines; Content-Type is not looked at"),
    responses(
        (status = 200, description = "The samples are stored; nothing is answered"),
        WriteFailures,
    ),
)]
pub(super) async fn write_metrics(
    State(ingress): State<Ingress>,
    _: Caller,
    parameters: Result<Query<WriteParameters>, QueryRejection>,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let Query(parameters) =
        parameters.map_err(|rejection| Failure::invalid(rejection.body_text()))?;
    let cluster = parameters.cluster.filter(|cluster| !cluster.is_empty());
    check(
        &body,
        cluster.as_deref(),
        ingress.environment.clock.now().as_seconds(),
    )?;
    if !body.is_empty() {
        ingress
            .commands
            .store_samples(body, cluster.as_deref(), ingress.limits.command)
            .await?;
    }
    Ok(([(CONTENT_TYPE, "application/json")], "").into_response())
}

/// Whether all of it can be taken.
fn check(body: &[u8], cluster: Option<&str>, now: i64) -> Result<(), Failure> {
    let text = std::str::from_utf8(body)
        .map_err(|error| Failure::invalid(format!("the body is no UTF-8 text: {error}")))?;
    let is_name =
        |name: &str| name.len() <= NAME_LIMIT && name.bytes().all(|byte| byte.is_ascii_graphic());
    if !cluster.is_none_or(is_name) {
        return Err(Failure::invalid(format!(
            "'cluster' has up to {NAME_LIMIT} visible ASCII characters"
        )));
    }
    let read = read_samples(text, cluster.unwrap_or_default(), now);
    if read.refused == 0 {
        return Ok(());
    }
    let more = read.refused.saturating_sub(read.reasons.len());
    let mut message = read.reasons.join("; ");
    if more > 0 {
        // Writing to a String cannot fail.
        let _ = write!(message, "; and {more} more");
    }
    Err(Failure::invalid(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lines_are_good_or_the_request_is_bad() {
        let good = "load,cluster=fritz,hostname=f1 value=1 1700000000\n";
        assert!(check(good.as_bytes(), None, 1).is_ok());
        assert!(check(b"load,hostname=f1 value=1\n\n", Some("fritz"), 1).is_ok());
        assert!(check(b"", None, 1).is_ok());
        let refused = |body: &[u8], cluster| check(body, cluster, 1).unwrap_err();
        let bad = format!("{good}load,hostname=f1 value=1\n");
        let failure = refused(bad.as_bytes(), None);
        assert_eq!(failure.kind().status(), 400);
        assert_eq!(failure.message(), "line 2: there is no \"cluster\"");
        let failure = refused("x\n".repeat(5).as_bytes(), None);
        assert!(
            failure.message().ends_with("; and 2 more"),
            "{}",
            failure.message()
        );
        for (body, cluster) in [(&b"\xff"[..], None), (b"", Some("a b")), (b"", Some("é"))] {
            assert_eq!(refused(body, cluster).kind().status(), 400);
        }
    }
}
