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
use hyper::{
    Request, StatusCode,
    body::Bytes,
    client::conn::http1::{self, SendRequest},
    header,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinHandle};

/// What every request says that the server is called.
pub(crate) const HOST: &str = "bench";

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
        self::quantile(&self.latencies, quantile)
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
    let mut latencies = histogram()?;
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
    let mut connection = Connection::open(sender.address).await?;
    let mut latencies = histogram()?;
    while !stop.load(Ordering::Relaxed) {
        let (method, path, body) = (sender.next)();
        let answer = connection.send(method, path, body, &sender.token).await?;
        if answer.status != sender.expected {
            bail!(
                "{}: {}",
                answer.status,
                String::from_utf8_lossy(&answer.body)
            );
        }
        latencies.record(answer.microseconds)?;
    }
    Ok(latencies)
}

/// For latencies in microseconds.
pub(crate) fn histogram() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, LONGEST, 3)?)
}

/// Seconds that this share of what was recorded took at most.
pub(crate) fn quantile(latencies: &Histogram<u64>, quantile: f64) -> f64 {
    Duration::from_micros(latencies.value_at_quantile(quantile)).as_secs_f64()
}

/// One connection, kept open.
pub(crate) struct Connection {
    address: SocketAddr,
    requests: SendRequest<Full<Bytes>>,
    driver: JoinHandle<hyper::Result<()>>,
}

/// What came back of one request.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
    /// From before it was sent until all of it was there.
    pub(crate) microseconds: u64,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (requests, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let driver = tokio::spawn(connection);
        Ok(Self {
            address,
            requests,
            driver,
        })
    }

    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: String,
        body: String,
        token: &str,
    ) -> Result<Answer> {
        let token = ("x-auth-token", token.to_owned());
        self.send_with(method, path, body, &[token]).await
    }

    /// The same with other headers.
    pub(crate) async fn send_with(
        &mut self,
        method: &str,
        path: String,
        body: String,
        headers: &[(&'static str, String)],
    ) -> Result<Answer> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, HOST);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.body(Full::new(Bytes::from(body)))?;
        let started = Instant::now();
        // Where the machine has other work the connection may still be busy with the answer before.
        // Every server closes a connection that nobody has used for some time, and every client then opens another.
        if self.requests.ready().await.is_err() {
            *self = Self::open(self.address).await?;
            self.requests.ready().await?;
        }
        let sent = self.requests.send_request(request);
        let response = sent.await.context("no answer")?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        let microseconds = u64::try_from(started.elapsed().as_micros())?.clamp(1, LONGEST);
        Ok(Answer {
            status,
            body,
            microseconds,
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
