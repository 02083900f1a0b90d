//! A closed load: so many connections, each sending its next request when it has its answer.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use hdrhistogram::Histogram;
use http_body_util::{BodyExt, Full};
use hyper::{Request, StatusCode, body::Bytes, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Longest latency that is told apart, in microseconds.
const LONGEST: u64 = 60_000_000;

/// Makes the next request: its method, path and body.
pub(crate) type NextRequest = Arc<dyn Fn() -> (&'static str, String, String) + Send + Sync>;

/// What is sent.
#[derive(Clone)]
pub(crate) struct Sender {
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
    pub(crate) expected: StatusCode,
    pub(crate) next: NextRequest,
}

/// What came back.
pub(crate) struct Measured {
    pub(crate) requests: u64,
    pub(crate) elapsed: Duration,
    latencies: Histogram<u64>,
}

impl Measured {
    /// Requests a second.
    pub(crate) fn rate(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 requests")]
        let requests = self.requests as f64;
        requests / self.elapsed.as_secs_f64()
    }

    /// Seconds that this share of the requests took at most.
    pub(crate) fn quantile(&self, quantile: f64) -> f64 {
        let microseconds = self.latencies.value_at_quantile(quantile);
        Duration::from_micros(microseconds).as_secs_f64()
    }
}

/// Sends for so long over so many connections. Any answer but the expected one is an error.
pub(crate) async fn run(
    sender: &Sender,
    connections: usize,
    duration: Duration,
) -> Result<Measured> {
    let stop = Arc::new(AtomicBool::new(false));
    let started = Instant::now();
    let tasks: Vec<_> = (0..connections)
        .map(|_| tokio::spawn(one_connection(sender.clone(), stop.clone())))
        .collect();
    tokio::time::sleep(duration).await;
    stop.store(true, Ordering::Relaxed);
    let mut latencies = Histogram::new_with_bounds(1, LONGEST, 3)?;
    for task in tasks {
        latencies.add(task.await??)?;
    }
    Ok(Measured {
        requests: latencies.len(),
        elapsed: started.elapsed(),
        latencies,
    })
}

async fn one_connection(sender: Sender, stop: Arc<AtomicBool>) -> Result<Histogram<u64>> {
    let stream = TcpStream::connect(sender.address).await?;
    stream.set_nodelay(true)?;
    let (mut requests, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let mut latencies = Histogram::new_with_bounds(1, LONGEST, 3)?;
    while !stop.load(Ordering::Relaxed) {
        let (method, path, body) = (sender.next)();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "bench")
            .header("x-auth-token", &sender.token)
            .body(Full::new(Bytes::from(body)))?;
        let started = Instant::now();
        let response = requests.send_request(request).await.context("no answer")?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        let elapsed = u64::try_from(started.elapsed().as_micros())?;
        if status != sender.expected {
            bail!("{status}: {}", String::from_utf8_lossy(&body));
        }
        latencies.record(elapsed.clamp(1, LONGEST))?;
    }
    connection.abort();
    Ok(latencies)
}
