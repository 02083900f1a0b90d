//! `POST /session/{session}`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::body::{answer, object};
use super::super::call::Call;
use super::super::description::{AnyFailure, OwnerParameter, SessionFailure, SessionParameter};
use super::request::{CodeBody, CodeRequest};
use super::run::{CodeResult, Target};
use crate::frame::{Failure, Ingress, RequestBody};

/// What code has come to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Executed {
    result: CodeResult,
}

/// Runs code in a session
///
/// In the state that the code before it left. Answered when it is over, or after two seconds with what there is until then.
#[utoipa::path(
    post,
    path = "/session/{session}",
    operation_id = "execute_code",
    tag = "code",
    params(SessionParameter, OwnerParameter),
    request_body(content = CodeBody, description = "The code; Content-Type is not looked at"),
    responses((status = 200, description = "What came of it until now", body = Executed), SessionFailure, AnyFailure),
)]
pub(crate) async fn execute_code(
    State(ingress): State<Ingress>,
    call: Call,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let request = CodeRequest::of_body(&object(&body)?)?;
    let target = Target::of(&ingress, &call, call.session(&ingress)?).await?;
    let run = request
        .run
        .unwrap_or_else(|| ingress.environment.ids.next().simple().to_string());
    let result = target.execute(&ingress, &run, request.mode).await?;
    Ok(answer(StatusCode::OK, &Executed { result }))
}
