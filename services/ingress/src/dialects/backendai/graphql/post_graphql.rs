//! `POST /admin/graphql` and `POST /admin/gql`

use std::sync::Arc;

use async_graphql::{Request, ServerError, Variables};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::super::body::{answer, object};
use super::super::call::Call;
use super::super::description::AnyFailure;
use super::loading::sessions;
use super::reading::Asking;
use super::schema::SCHEMA;
use crate::frame::{Failure, FailureKind, Ingress, RequestBody};

/// The name of the problem that an answer has in place of `errors`.
const GRAPHQL_ERROR: &str = "graphql-error";

/// A query.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct QueryBody {
    /// In GraphQL.
    query: String,
    /// Its variables, by name.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    variables: Value,
    /// Which of several operations in it.
    #[serde(default, rename = "operationName")]
    operation_name: Option<String>,
}

/// Asks for sessions, with a bare answer
///
/// For clients before v6.20210815: the answer is the data itself, and errors are a problem document.
#[utoipa::path(
    post,
    path = "/admin/graphql",
    operation_id = "post_bare_graphql",
    tag = "graphql",
    request_body(content = QueryBody, description = "The query; Content-Type is not looked at"),
    responses((status = 200, description = "What was asked for", body = Object), AnyFailure),
)]
pub(super) async fn bare(
    State(ingress): State<Ingress>,
    call: Call,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let (data, errors) = execute(ingress, call, &body).await?;
    if errors.is_empty() {
        return Ok(answer(StatusCode::OK, &data));
    }
    let messages: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
    let failure = Failure::new(FailureKind::Invalid, messages.join("; "));
    let errors: Vec<Value> = errors.iter().map(shown).collect();
    Err(failure.code(GRAPHQL_ERROR).data(json!(errors)))
}

/// Asks for sessions
///
/// The answer has `data` and, if there are any, `errors`.
#[utoipa::path(
    post,
    path = "/admin/gql",
    operation_id = "post_graphql",
    tag = "graphql",
    request_body(content = QueryBody, description = "The query; Content-Type is not looked at"),
    responses((status = 200, description = "What was asked for, and what is wrong with it", body = Object), AnyFailure),
)]
pub(super) async fn wrapped(
    State(ingress): State<Ingress>,
    call: Call,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let (data, errors) = execute(ingress, call, &body).await?;
    let errors: Vec<Value> = errors.iter().map(shown).collect();
    Ok(if errors.is_empty() {
        answer(StatusCode::OK, &Answer { data, errors: None })
    } else {
        let errors = Some(errors);
        answer(StatusCode::OK, &Answer { data, errors })
    })
}

/// Data first: clients read members in any order, people in this one.
#[derive(serde::Serialize)]
struct Answer {
    data: async_graphql::Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<Value>>,
}

async fn execute(
    ingress: Ingress,
    call: Call,
    body: &[u8],
) -> Result<(async_graphql::Value, Vec<ServerError>), Failure> {
    let body = serde_json::from_value(Value::Object(object(body)?));
    let body: QueryBody = body.map_err(|error| Failure::invalid(error.to_string()))?;
    let asking = Arc::new(Asking::new(ingress, call.caller, call.pair));
    let mut request = Request::new(body.query)
        .variables(Variables::from_json(body.variables))
        .data(sessions(&asking))
        .data(Arc::clone(&asking));
    if let Some(name) = body.operation_name {
        request = request.operation_name(name);
    }
    let response = SCHEMA.execute(request).await;
    // What is no mistake of the client's is none in its answer either.
    match asking.take_failure() {
        Some(failure) => Err(failure),
        None => Ok((response.data, response.errors)),
    }
}

/// An error as clients of Backend.AI read it.
fn shown(error: &ServerError) -> Value {
    let locations = error.locations.iter();
    let locations = locations.map(|place| json!({"line": place.line, "column": place.column}));
    json!({
        "message": error.message,
        "locations": locations.collect::<Vec<_>>(),
        "path": error.path,
    })
}
