//! `GET /openapi/{document}` and the browsable page at `/docs/`.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use utoipa_swagger_ui::{Config, SwaggerUi, Url};

use super::problem::Problem;
use crate::dialects;
use crate::frame::{Failure, FailureKind, Ingress};
use crate::openapi::openapi_documents;

/// The documents by file name; written once, when first asked for.
static DOCUMENTS: LazyLock<Result<HashMap<String, Bytes>, serde_json::Error>> =
    LazyLock::new(|| {
        let documents = openapi_documents()?.into_iter();
        Ok(documents
            .map(|(name, text)| (format!("{name}.json"), Bytes::from(text)))
            .collect())
    });

/// An OpenAPI document
///
/// One for each dialect, and one for our own endpoints.
#[utoipa::path(
    get,
    path = "/openapi/{document}",
    operation_id = "document",
    tag = "about",
    params(("document" = String, Path, description = "`clustercockpit.json`, `duffy.json`, `freezer.json` or `muster.json`")),
    responses(
        (status = 200, description = "The document", content_type = "application/json"),
        (status = 404, description = "There is no such document", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn document(
    name: Result<Path<String>, PathRejection>,
) -> Result<Response, Failure> {
    let documents = DOCUMENTS
        .as_ref()
        .map_err(|error| Failure::broken(error.to_string()))?;
    match name.ok().and_then(|Path(name)| documents.get(&name)) {
        Some(document) => {
            Ok(([(CONTENT_TYPE, "application/json")], document.clone()).into_response())
        }
        None => Err(Failure::new(
            FailureKind::NotFound,
            "there is no such document",
        )),
    }
}

/// The page: Swagger UI, all of it served from here.
pub(crate) fn pages() -> Router<Ingress> {
    let documents = dialects::with_own().map(|dialect| Url::new(dialect.name, dialect.document));
    SwaggerUi::new("/docs")
        .config(Config::new(documents).persist_authorization(true))
        .into()
}
