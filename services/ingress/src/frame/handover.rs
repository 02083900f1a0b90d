//! A connection that goes on as something else than HTTP: once its request is answered with 101, whoever answered it gets it.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use futures_util::future::BoxFuture;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// A connection that is no longer ours.
pub(crate) struct HandedOver {
    /// The connection.
    pub(crate) stream: TcpStream,
    /// What was read of it that does not belong to the request.
    pub(crate) ahead: Bytes,
    /// Ends when the process is to stop.
    pub(crate) stop: CancellationToken,
}

/// Goes on with a connection, to its end.
pub(crate) type Taker = Box<dyn FnOnce(HandedOver) -> BoxFuture<'static, ()> + Send>;

/// Among the extensions of each request: where whoever takes its connection says so.
#[derive(Clone, Default)]
pub(crate) struct Handover(Arc<Mutex<Option<Taker>>>);

impl Handover {
    /// Has `taker` go on with the connection. The answer has to be 101.
    pub(crate) fn to(&self, taker: Taker) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(taker);
    }

    /// Who goes on with it, if anybody does.
    pub(super) fn taken(&self) -> Option<Taker> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
