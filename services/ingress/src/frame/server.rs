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
use super::handover::Handover;
use super::ingress::{Ingress, IngressParts};
use super::limits::{ACCEPT_PAUSE, HEAD_LIMIT, Limits};
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
    let ingress = Ingress::new(parts, shutdown.clone());
    let connections = Connections::new(ingress.limits, router(ingress), shutdown);
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
    fn new(limits: Limits, router: Router, shutdown: &Shutdown) -> Self {
        Self {
            http: Arc::new(http(limits)),
            router,
            free: Arc::new(Semaphore::new(limits.connections)),
            shutdown: shutdown.clone(),
        }
    }

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
            let handover = Handover::default();
            let endpoints = Endpoints {
                router,
                peer,
                handover,
            };
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::routing::get;
    use muster_platform::Health;
    use muster_platform::settings::IngressSettings;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Ends a test that hangs.
    const PATIENCE: Duration = Duration::from_mins(1);

    const ANSWER: &str = "served";

    async fn ask(connection: &mut TcpStream) {
        let request = b"GET / HTTP/1.1\r\nHost: muster\r\n\r\n";
        connection.write_all(request).await.unwrap();
    }

    async fn see_answer(connection: &mut TcpStream) {
        let mut answer = Vec::new();
        let reading = async {
            while !answer.ends_with(ANSWER.as_bytes()) {
                let size = connection.read_buf(&mut answer).await.unwrap();
                assert_ne!(size, 0, "closed: {}", String::from_utf8_lossy(&answer));
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.unwrap();
    }

    #[tokio::test]
    async fn a_connection_past_the_limit_is_served_when_another_one_closes() {
        let limits = Limits {
            connections: 2,
            reading: PATIENCE,
            ..Limits::of(&IngressSettings::default())
        };
        let router = Router::new().route("/", get(async || ANSWER));
        let shutdown = Shutdown::new();
        let connections = Connections::new(limits, router, &shutdown);
        let free = Arc::clone(&connections.free);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let health = Health::new().register("ingress");
        shutdown.spawn("http listener", connections.accept_all(listener, health));

        let connect = async || TcpStream::connect(address).await.unwrap();
        let (mut first, mut second) = (connect().await, connect().await);
        for connection in [&mut first, &mut second] {
            ask(connection).await;
            see_answer(connection).await;
        }
        assert_eq!(free.available_permits(), 0);
        // It is not refused: the kernel keeps it, and what it has sent, for us.
        let mut third = connect().await;
        ask(&mut third).await;
        // The others are served as long as they stay, and it is not.
        for _ in 0..100 {
            ask(&mut first).await;
            see_answer(&mut first).await;
        }
        let error = third.try_read(&mut [0; 1]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);

        drop(second);
        see_answer(&mut third).await;
        ask(&mut first).await;
        see_answer(&mut first).await;
        drop((first, third));
        shutdown.drain(PATIENCE).await;
    }
}
