//! Names of the headers on messages (design §3).
//!
//! NATS keeps the case of a header's name and compares it exactly (ADR-4), so each name is written one way, here.

/// Identity of the message for the inbox of whoever takes it: the command's id (new, or derived from a client's
/// `Idempotency-Key`) or the event's id. Delivered or sent twice, it takes effect once.
pub const MESSAGE_ID: &str = "Muster-Message-Id";

/// The broker's own duplicate filter. Only the outbox sets it, because only the outbox publishes the very same message
/// again; a command sent again by its client must reach its service, which then answers with the stored outcome.
pub const BROKER_MESSAGE_ID: &str = "Nats-Msg-Id";

/// W3C trace context, lower case as the specification writes it.
pub const TRACE_PARENT: &str = "traceparent";

/// W3C vendor part of the trace context.
pub const TRACE_STATE: &str = "tracestate";

/// W3C `traceparent` of what set this message off, where that belongs to another trace: a node that one session gave back goes to
/// another one that has waited for it. The message itself goes on in the trace of the request that it answers.
pub const TRACE_LINK: &str = "Muster-Trace-Link";

/// Same for everything that one request of a client set off.
pub const CORRELATION_ID: &str = "Muster-Correlation-Id";

/// The id of the message that caused this one.
pub const CAUSATION_ID: &str = "Muster-Causation-Id";

/// Core NATS subject on which the sender of a command waits for its outcome. (A stored message's own reply subject is
/// JetStream's acknowledgement address, so it cannot be used.)
pub const REPLY_TO: &str = "Muster-Reply-To";

/// When the sender stops waiting: microseconds since 1970 UTC. Afterwards no reply is sent; the command runs all the same.
pub const DEADLINE: &str = "Muster-Deadline";

/// Who calls, as JSON ([`crate::Principal`]). Only the ingress may publish messages that carry it.
pub const PRINCIPAL: &str = "Muster-Principal";

/// `name/version` of the body's type.
pub const SCHEMA: &str = "Muster-Schema";

/// SHA-256 of the request, hexadecimal, on commands whose id comes from an `Idempotency-Key`: the same key with another
/// request is refused instead of being given somebody else's outcome.
pub const FINGERPRINT: &str = "Muster-Fingerprint";

/// On a message of a producer that a service gives itself again: the subject that it first came to.
pub const PRODUCER_SUBJECT: &str = "Muster-Producer-Subject";

/// On metric samples that came over HTTP: the cluster of those that name none.
pub const DEFAULT_CLUSTER: &str = "Muster-Default-Cluster";

/// On each part of an answer that comes in several messages: `index/count`, counted from 1.
pub const ANSWER_PART: &str = "Muster-Answer-Part";
