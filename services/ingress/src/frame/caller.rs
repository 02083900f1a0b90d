//! Who calls.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use muster_contract::Principal;

use super::{Failure, Ingress, RequestContext};

/// The authenticated caller of a request and what else is known of it. A handler that takes one is
/// reached by nobody else.
#[derive(Debug)]
pub(crate) struct Caller {
    /// Who calls.
    pub(crate) principal: Arc<Principal>,
    /// The request.
    pub(crate) request: Arc<RequestContext>,
}

impl FromRequestParts<Ingress> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, ingress: &Ingress) -> Result<Self, Failure> {
        let request = parts
            .extensions
            .get::<Arc<RequestContext>>()
            .cloned()
            .ok_or_else(|| Failure::broken("the request did not come through the frame"))?;
        let principal = (request.dialect.authenticate)(ingress, parts).await?;
        // Set once: no other extractor authenticates.
        let _ = request.principal.set(Arc::clone(&principal));
        Ok(Self { principal, request })
    }
}
