//! `GET /asyncapi/{document}`

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::body::Bytes;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use muster_contract::{Service, asyncapi};

use super::problem::Problem;
use crate::frame::{Failure, FailureKind};

/// The documents by file name; written once, when first asked for.
static DOCUMENTS: LazyLock<HashMap<String, Bytes>> = LazyLock::new(|| {
    let documents = Service::ALL
        .iter()
        .map(|service| (format!("{service}.json"), asyncapi::text(*service).into()));
    documents.collect()
});

/// An AsyncAPI document
///
/// One for each service: the messages that it takes and sends.
#[utoipa::path(
    get,
    path = "/asyncapi/{document}",
    operation_id = "asyncapi_document",
    tag = "about",
    params(("document" = String, Path, description = "`job-archive.json`, `node-allocation.json` or `session.json`")),
    responses(
        (status = 200, description = "The document", content_type = "application/json"),
        (status = 404, description = "There is no such document", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn asyncapi_document(
    name: Result<Path<String>, PathRejection>,
) -> Result<Response, Failure> {
    match name.ok().and_then(|Path(name)| DOCUMENTS.get(&name)) {
        Some(document) => {
            Ok(([(CONTENT_TYPE, "application/json")], document.clone()).into_response())
        }
        None => Err(Failure::new(
            FailureKind::NotFound,
            "there is no such document",
        )),
    }
}
