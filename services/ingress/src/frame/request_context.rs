//! What is known of a request while it is being answered: handlers add to it, the log line, the
//! span and the answer's headers are made of it.

use std::sync::{Arc, OnceLock};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use muster_contract::Principal;
use muster_platform::Ids;
use uuid::Uuid;

use super::Dialect;

/// The header by which a request is known, here and at whoever sent it.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The header that names the command a request became.
pub(crate) const COMMAND_ID: HeaderName = HeaderName::from_static("muster-command-id");

/// A client's own request id may have this many characters.
const REQUEST_ID_LIMIT: usize = 128;

/// What is known of a request.
#[derive(Debug)]
pub(crate) struct RequestContext {
    /// Its id: the client's own, or ours.
    pub(crate) request_id: HeaderValue,
    /// Same for every message it sets off.
    pub(crate) correlation_id: Uuid,
    /// The API it belongs to.
    pub(crate) dialect: &'static Dialect,
    /// Who calls, once that is known.
    pub(crate) principal: OnceLock<Arc<Principal>>,
    /// The command it became, if it did.
    pub(crate) command_id: OnceLock<Uuid>,
    /// Set once its whole body has been read.
    pub(crate) body_read: OnceLock<()>,
}

impl RequestContext {
    pub(crate) fn new(headers: &HeaderMap, dialect: &'static Dialect, ids: &dyn Ids) -> Self {
        let given = headers.get(REQUEST_ID).filter(|id| sane(id));
        // A client that uses UUIDs finds its own id on every message.
        let correlation_id = given
            .and_then(|id| Uuid::try_parse_ascii(id.as_bytes()).ok())
            .unwrap_or_else(|| ids.next());
        let request_id = given.cloned().unwrap_or_else(|| as_header(correlation_id));
        Self {
            request_id,
            correlation_id,
            dialect,
            principal: OnceLock::new(),
            command_id: OnceLock::new(),
            body_read: OnceLock::new(),
        }
    }

    /// The request's id as text.
    pub(crate) fn request_id(&self) -> &str {
        self.request_id.to_str().unwrap_or_default()
    }

    /// Adds the headers that every answer has.
    pub(crate) fn add_headers(&self, headers: &mut HeaderMap) {
        headers.insert(REQUEST_ID, self.request_id.clone());
        if let Some((name, prefix)) = &self.dialect.request_id {
            // What was a header value before is one after a prefix too.
            if let Ok(value) = HeaderValue::from_str(&format!("{prefix}{}", self.request_id())) {
                headers.insert(name.clone(), value);
            }
        }
        if let Some(id) = self.command_id.get() {
            headers.insert(COMMAND_ID, as_header(*id));
        }
    }
}

fn sane(id: &HeaderValue) -> bool {
    (1..=REQUEST_ID_LIMIT).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
}

fn as_header(id: Uuid) -> HeaderValue {
    let mut buffer = Uuid::encode_buffer();
    let text: &str = id.as_hyphenated().encode_lower(&mut buffer);
    // Hexadecimal digits and hyphens are always a header value.
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use muster_platform::SequentialIds;

    use super::*;
    use crate::own::OWN;

    fn context(id: Option<&str>) -> RequestContext {
        let mut headers = HeaderMap::new();
        if let Some(id) = id {
            headers.insert(REQUEST_ID, HeaderValue::from_str(id).unwrap());
        }
        RequestContext::new(&headers, &OWN, &SequentialIds::new())
    }

    #[test]
    fn a_sane_id_of_the_client_is_kept() {
        let longest = "x".repeat(REQUEST_ID_LIMIT);
        for id in ["a-1", &longest] {
            let context = context(Some(id));
            assert_eq!(context.request_id(), id);
            assert_eq!(context.correlation_id, SequentialIds::nth(1));
        }
        let id = "0af76519-16cd-43dd-8448-eb211c80319c";
        assert_eq!(context(Some(id)).correlation_id.to_string(), id);
    }

    #[test]
    fn any_other_is_replaced() {
        let ours = SequentialIds::nth(1).to_string();
        let too_long = "x".repeat(REQUEST_ID_LIMIT + 1);
        for id in [None, Some(""), Some("a b"), Some(too_long.as_str())] {
            assert_eq!(context(id).request_id(), ours, "{id:?}");
        }
    }
}
