//! What all dialects share: the server, limits, request ids, the log line, authentication, waiting
//! for outcomes. A dialect brings its endpoints and the form of its failures, nothing else.

mod answering;
mod body;
mod caller;
mod connection;
mod dialect;
mod failure;
mod handover;
mod idempotency;
mod ingress;
mod limits;
mod public_root;
mod record;
mod request_context;
mod router;
mod server;
mod waiting;
mod web_socket;

pub(crate) use body::RequestBody;
pub(crate) use caller::Caller;
pub(crate) use connection::Peer;
pub(crate) use dialect::{Dialect, Occasion, Rendered};
pub(crate) use failure::{Failure, FailureKind};
pub(crate) use idempotency::{Idempotency, IdempotencyKeyHeader};
pub(crate) use ingress::Ingress;
pub(crate) use public_root::PublicRoot;
pub(crate) use request_context::RequestContext;
pub(crate) use web_socket::{WebSocket, WebSocketRequest};

pub use ingress::IngressParts;
pub use server::{IngressError, start};
