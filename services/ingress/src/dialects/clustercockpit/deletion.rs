//! What the three ways of deleting jobs have in common.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::writing::to_json;

/// What was deleted.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeleteResponse {
    /// In words.
    #[schema(example = "Successfully deleted job 1")]
    msg: String,
}

/// The answer with this message.
pub(super) fn answer(msg: String) -> Response {
    let body = to_json(&DeleteResponse { msg });
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}
