//! Listening, and taking connections. Not `axum::serve`, which can set neither how long nor how much
//! of a request's head is read.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;
use muster_platform::{ComponentHealth, Shutdown};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection::{self, Endpoints, Peer};
use super::ingress::{Ingress, IngressParts};
use super::limits::{ACCEPT_PAUSE, CONNECTION_LIMIT, HEAD_LIMIT, Limits};
use super::router::router;

/// An ingress that cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum IngressError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Starts to serve on `listen` (port 0 takes a free one) and returns the address served on.
///
/// Once `shutdown` is triggered no more connections are accepted; requests that are being answered
/// are finished, and the tasks that do it are waited for by [`Shutdown::drain`].
///
/// # Errors
/// The address cannot be listened on.
pub async fn start(
    listen: SocketAddr,
    parts: IngressParts,
    shutdown: &Shutdown,
) -> Result<SocketAddr, IngressError> {
    let failed = |source| IngressError::Listen {
        address: listen,
        source,
    };
    let health = parts.health.register("ingress");
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let ingress = Ingress::new(parts);
    let connections = Connections {
        http: Arc::new(http(ingress.limits)),
        router: router(ingress),
        free: Arc::new(Semaphore::new(CONNECTION_LIMIT)),
        shutdown: shutdown.clone(),
    };
    health.ready();
    shutdown.spawn("http listener", connections.accept_all(listener, health));
    tracing::info!(target: "muster::ingress", %address, "serving");
    Ok(address)
}

fn http(limits: Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.reading)
        .max_header_size(HEAD_LIMIT);
    http
}

struct Connections {
    http: Arc<http1::Builder>,
    router: Router,
    free: Arc<Semaphore>,
    shutdown: Shutdown,
}

impl Connections {
    async fn accept_all(self, listener: TcpListener, health: ComponentHealth) {
        let stop = self.shutdown.token();
        let accepting = async {
            // The semaphore is never closed, so there is always a place to come.
            while let Ok(place) = Arc::clone(&self.free).acquire_owned().await {
                match listener.accept().await {
                    Ok((stream, peer)) => self.serve(stream, Peer(peer), place),
                    // Of that connection alone: the next one may do.
                    Err(error) if is_of_the_connection(&error) => {}
                    Err(error) => {
                        tracing::warn!(target: "muster::ingress", %error, "cannot accept a connection");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        };
        stop.run_until_cancelled(accepting).await;
        health.down("stopping");
    }

    fn serve(&self, stream: TcpStream, peer: Peer, place: OwnedSemaphorePermit) {
        // An answer is written at once; waiting for more to send would only delay it.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(target: "muster::ingress", %error, "no TCP_NODELAY");
        }
        let http = Arc::clone(&self.http);
        let router = self.router.clone();
        let stop = self.shutdown.token();
        self.shutdown.spawn("http connection", async move {
            let _place = place;
            let endpoints = Endpoints { router, peer };
            if let Err(error) = connection::serve(&http, stream, endpoints, &stop).await {
                // The client went away, was too slow, or spoke something else.
                tracing::debug!(target: "muster::ingress", peer = %peer.0, %error, "connection ended");
            }
        });
    }
}

fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}
