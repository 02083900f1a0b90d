//! A call of the legacy API, from its query to the caller that its key stands for.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::Method;
use axum::http::request::Parts;
use muster_contract::Principal;
use serde::Serialize;

use super::parameters::Parameters;
use super::session_reference;
use crate::frame::{Caller, Failure, FailureKind, Idempotency, Ingress, RequestContext};

/// A call.
pub(super) struct Call {
    pub(super) parameters: Parameters,
    request: Arc<RequestContext>,
    method: Method,
    path: String,
}

/// The answer to a key that nobody has, or that is not the session's.
pub(super) const INVALID_KEY: &str = "Invalid duffy key";

/// The answer to an ssid that no session has.
pub(super) const INVALID_SESSION: &str = "Invalid session ID";

impl FromRequestParts<Ingress> for Call {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Ingress) -> Result<Self, Failure> {
        let request = parts
            .extensions
            .get::<Arc<RequestContext>>()
            .cloned()
            .ok_or_else(|| Failure::broken("the request did not come through the frame"))?;
        Ok(Self {
            parameters: Parameters::parse(parts.uri.query().unwrap_or_default()),
            request,
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
        })
    }
}

impl Call {
    /// Who calls; nobody, if nobody has that key.
    pub(super) fn caller(&self, ingress: &Ingress) -> Result<Option<Caller>, Failure> {
        let key = self
            .parameters
            .get("key")
            .filter(|key| !key.is_empty())
            .ok_or_else(invalid_key)?;
        let known = ingress.directory.principal_of_duffy_key(key.as_bytes());
        Ok(known.map(|principal| self.caller_of(principal)))
    }

    fn caller_of(&self, principal: Arc<Principal>) -> Caller {
        // Set once: a call has one key.
        let _ = self.request.principal.set(Arc::clone(&principal));
        Caller {
            principal,
            request: Arc::clone(&self.request),
        }
    }

    /// Who calls, and the ssid or alias that is called for. An ssid that no session has is told before a key that nobody
    /// has, as in Duffy 2.
    pub(super) async fn caller_and_session(
        &self,
        ingress: &Ingress,
    ) -> Result<(Caller, &str), Failure> {
        let caller = self.caller(ingress)?;
        let ssid = session_reference::checked(self.parameters.get("ssid"))?;
        match caller {
            Some(caller) => Ok((caller, ssid)),
            None if session_reference::exists(ingress, ssid).await? => Err(invalid_key()),
            None => Err(invalid_session()),
        }
    }

    /// What makes this the same call as an earlier one: the header `Idempotency-Key`, else the parameter `req`.
    pub(super) fn idempotency(&self, header: Idempotency) -> Result<Idempotency, Failure> {
        header.or_parameter("req", self.parameters.get("req"), &self.method, &self.path)
    }
}

pub(super) fn invalid_key() -> Failure {
    Failure::new(FailureKind::Forbidden, INVALID_KEY)
}

pub(super) fn invalid_session() -> Failure {
    Failure::new(FailureKind::Forbidden, INVALID_SESSION)
}

/// What a call asks for, in the form whose fingerprint tells whether two calls with the same idempotency key are the same.
/// Neither the order of parameters nor those nobody knows matter.
pub(super) fn essence(of: &impl Serialize) -> axum::body::Bytes {
    super::super::error::to_json(of)
}
