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
use crate::openapi::{graphql_schemas, openapi_documents};

/// The documents by file name; written once, when first asked for.
static DOCUMENTS: LazyLock<Result<HashMap<String, Bytes>, serde_json::Error>> =
    LazyLock::new(|| {
        let documents = openapi_documents()?.into_iter();
        let documents = documents.map(|(name, text)| (format!("{name}.json"), Bytes::from(text)));
        let schemas = graphql_schemas().into_iter();
        let schemas = schemas.map(|(name, text)| (format!("{name}{SCHEMA}"), Bytes::from(text)));
        Ok(documents.chain(schemas).collect())
    });

/// What the names of schemas of GraphQL end with.
const SCHEMA: &str = ".graphql";

/// An OpenAPI document
///
/// One for each dialect, and one for our own endpoints. `backendai.graphql` is the schema of the dialect's GraphQL.
#[utoipa::path(
    get,
    path = "/openapi/{document}",
    operation_id = "document",
    tag = "about",
    params(("document" = String, Path, description = "`backendai.json`, `clustercockpit.json`, `duffy.json`, `freezer.json`, `muster.json` or `backendai.graphql`")),
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
    let found = name
        .ok()
        .and_then(|Path(name)| documents.get_key_value(&name));
    match found {
        Some((name, document)) => {
            let content_type = if name.ends_with(SCHEMA) {
                "application/graphql; charset=utf-8"
            } else {
                "application/json"
            };
            Ok(([(CONTENT_TYPE, content_type)], document.clone()).into_response())
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
