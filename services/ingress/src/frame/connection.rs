//! One connection, from the first request on it to its orderly end.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::future::RouteFuture;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tower::Service as _;

use super::handover::{HandedOver, Handover};
use super::limits::{DRAIN_DEADLINE, LINGER_LIMIT, LINGER_TIME};

/// Bytes thrown away at a time.
const LINGER_BUFFER: usize = 16 * 1024;

/// Where a request came from, among its extensions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// The endpoints, for the requests of one connection.
pub(super) struct Endpoints {
    pub(super) router: Router,
    pub(super) peer: Peer,
    pub(super) handover: Handover,
}

impl Service<Request<Incoming>> for Endpoints {
    type Response = Response;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.peer);
        request.extensions_mut().insert(self.handover.clone());
        self.router.clone().call(request.map(Body::new))
    }
}

/// Answers requests until the client has no more, or until `stop`: then those that are being
/// answered are finished.
pub(super) async fn serve(
    http: &http1::Builder,
    stream: TcpStream,
    endpoints: Endpoints,
    stop: &CancellationToken,
) -> Result<(), hyper::Error> {
    let handover = endpoints.handover.clone();
    let mut connection = http.serve_connection(TokioIo::new(stream), endpoints);
    tokio::select! {
        done = poll_fn(|context| connection.poll_without_shutdown(context)) => {
            let parts = connection.into_parts();
            let stream = parts.io.into_inner();
            if let (Ok(()), Some(taker)) = (&done, handover.taken()) {
                let ahead = parts.read_buf;
                let stop = stop.clone();
                taker(HandedOver { stream, ahead, stop }).await;
                return done;
            }
            stop.run_until_cancelled(linger(stream)).await;
            return done;
        }
        () = stop.cancelled() => {}
    }
    Pin::new(&mut connection).graceful_shutdown();
    tokio::time::timeout(DRAIN_DEADLINE, connection)
        .await
        .unwrap_or_else(|_| {
            tracing::warn!(target: "muster::ingress", "a request was not finished in time and is cut off");
            Ok(())
        })
}

/// Closes our half, and reads until the client closes its own.
async fn linger(mut stream: TcpStream) {
    let reading = async {
        stream.shutdown().await?;
        let mut buffer = vec![0; LINGER_BUFFER];
        let mut left = LINGER_LIMIT;
        while left > 0 {
            let size = stream.read(&mut buffer).await?;
            if size == 0 {
                break;
            }
            left = left.saturating_sub(size);
        }
        Ok::<_, std::io::Error>(())
    };
    // Whether the client went away, or took too long, is all the same now.
    let _ = tokio::time::timeout(LINGER_TIME, reading).await;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::Extension;
    use axum::http::StatusCode;
    use axum::routing::get;
    use tokio::net::TcpListener;

    use super::*;

    /// Ends a test that hangs.
    const PATIENCE: Duration = Duration::from_mins(1);

    async fn take_over(Extension(handover): Extension<Handover>) -> Response {
        handover.to(Box::new(|handed_over: HandedOver| {
            Box::pin(async move {
                let HandedOver {
                    mut stream, ahead, ..
                } = handed_over;
                let _ = stream.write_all(&ahead).await;
                let mut more = [0; 4];
                let _ = stream.read_exact(&mut more).await;
                let _ = stream.write_all(&more).await;
            })
        }));
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        response
    }

    #[tokio::test]
    async fn whoever_takes_a_connection_gets_all_that_follows_the_request() {
        let router = Router::new().route("/", get(take_over));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (stream, peer) = listener.accept().await.unwrap();
        let serving = tokio::spawn(async move {
            let endpoints = Endpoints {
                router,
                peer: Peer(peer),
                handover: Handover::default(),
            };
            let stop = CancellationToken::new();
            serve(&http1::Builder::new(), stream, endpoints, &stop).await
        });
        let request =
            b"GET / HTTP/1.1\r\nHost: m\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nearly";
        client.write_all(request).await.unwrap();
        let talking = async {
            let mut answer = Vec::new();
            while !answer.ends_with(b"early") {
                assert_ne!(client.read_buf(&mut answer).await.unwrap(), 0);
            }
            assert!(answer.starts_with(b"HTTP/1.1 101 "));
            client.write_all(b"late").await.unwrap();
            let mut rest = Vec::new();
            client.read_to_end(&mut rest).await.unwrap();
            assert_eq!(rest, b"late");
        };
        tokio::time::timeout(PATIENCE, talking).await.unwrap();
        serving.await.unwrap().unwrap();
    }
}
