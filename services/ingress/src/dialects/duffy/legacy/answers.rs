//! The forms that answers of the legacy API have.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use muster_contract::node_allocation::LeasedNode;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::error::{Msg, to_json};

/// A session with nodes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Nodes<'a> {
    /// Names to reach the new nodes by.
    #[schema(example = json!(["n24.dusty.ci.centos.org"]))]
    hosts: Vec<String>,
    /// The session's id.
    #[schema(example = "0199c1a2-7c1e-7d3c-9f57-2b1e5a0c6f11")]
    ssid: &'a str,
}

/// The answer to a request for nodes: those that are new, and the session they are in.
pub(super) fn nodes(nodes: &[LeasedNode], suffix: &str, ssid: &str) -> Response {
    json(
        StatusCode::OK,
        &Nodes {
            hosts: nodes
                .iter()
                .map(|node| format!("{}{suffix}", node.hostname))
                .collect(),
            ssid,
        },
    )
}

/// The JSON string `"Done"`.
pub(super) fn done() -> Response {
    string(StatusCode::OK, "Done")
}

/// A JSON string, upon which clients give up.
pub(super) fn string(status: StatusCode, text: &str) -> Response {
    json(status, &text)
}

/// An object that says why nothing was done, upon which clients give up.
pub(super) fn message(text: &str) -> Response {
    json(StatusCode::OK, &Msg { msg: text })
}

/// Text upon which clients try again, or print it; with the type that Flask gives it. Always one of ours, since a browser
/// takes it for HTML.
pub(super) fn text(text: &'static str) -> Response {
    ([(CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response()
}

/// Any JSON.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    let headers = [(CONTENT_TYPE, "application/json")];
    (status, headers, to_json(value)).into_response()
}
