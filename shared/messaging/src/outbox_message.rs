//! A message as it stands in an outbox row.

use std::borrow::Cow;

use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};
use muster_contract::headers;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

/// A message to publish once the transaction that wrote it has committed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OutboxMessage {
    /// Its identity, for the broker's duplicate filter and for the inbox of whoever takes it.
    pub(crate) id: Uuid,
    /// Where to.
    pub(crate) subject: String,
    /// Its headers but for the two that carry the id. (One that is published again brings the identity it had.)
    pub(crate) headers: Vec<(Cow<'static, str>, String)>,
    /// Its body.
    pub(crate) payload: Payload,
}

/// The body of a message.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Payload {
    /// As every message of the contract has it.
    Json(Box<RawValue>),
    /// Something else, from a dead letter that is published again as it came.
    Base64(String),
}

impl Payload {
    /// The bytes to publish.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Payload::Json(json) => json.get().as_bytes().to_vec(),
            // Written by ourselves, so it decodes; what would not is published as it stands.
            Payload::Base64(text) => BASE64
                .decode(text)
                .unwrap_or_else(|_| text.as_bytes().to_vec()),
        }
    }

    /// The payload for these bytes.
    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => match RawValue::from_string(text.clone()) {
                Ok(json) => Payload::Json(json),
                Err(_) => Payload::Base64(BASE64.encode(text)),
            },
            Err(error) => Payload::Base64(BASE64.encode(error.as_bytes())),
        }
    }
}

impl OutboxMessage {
    /// The trace it belongs to.
    pub(crate) fn trace(&self) -> Option<(&str, &str)> {
        let parent = self.header(headers::TRACE_PARENT)?;
        Some((
            parent,
            self.header(headers::TRACE_STATE).unwrap_or_default(),
        ))
    }

    /// Puts it into that trace, with a link to what set it off, if that is in another one. In the same trace it stays where it is.
    pub(crate) fn belongs_to(&mut self, traceparent: &str, cause: Option<&str>) {
        if cause.is_some_and(|cause| trace_id(cause) == trace_id(traceparent)) {
            return;
        }
        self.headers.retain(|(name, _)| {
            name != headers::TRACE_PARENT
                && name != headers::TRACE_STATE
                && name != headers::TRACE_LINK
        });
        self.headers
            .push((headers::TRACE_PARENT.into(), traceparent.to_owned()));
        if let Some(cause) = cause {
            self.headers
                .push((headers::TRACE_LINK.into(), cause.to_owned()));
        }
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _)| header == name)
            .map(|(_, value)| value.as_str())
    }
}

/// The trace of a `traceparent`: its second field.
fn trace_id(traceparent: &str) -> Option<&str> {
    traceparent.split('-').nth(1)
}

/// A row of the outbox: what one batch has to say to one stream.
#[derive(Debug, Clone)]
pub(crate) struct PendingRow {
    pub(crate) id: Uuid,
    pub(crate) stream: String,
    pub(crate) messages: Vec<OutboxMessage>,
}
