//! One caller with a connection of its own, who signs each request.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use hdrhistogram::Histogram;
use hyper::StatusCode;
use muster_tests::backendai::{VERSION, headers};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    super::load::{Answer, Connection, HOST, histogram, quantile},
    IMAGE, KEY,
};

/// A caller.
pub(super) struct Caller {
    connection: Connection,
}

/// What is said of a session that was asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Told {
    pub(super) status: String,
    pub(super) created: bool,
    #[serde(skip)]
    pub(super) microseconds: u64,
}

impl Caller {
    pub(super) async fn open(address: SocketAddr) -> Result<Self> {
        let connection = Connection::open(address).await?;
        Ok(Self { connection })
    }

    /// Any call.
    pub(super) async fn call(
        &mut self,
        method: &str,
        path: String,
        body: Option<&Value>,
    ) -> Result<Answer> {
        let content_type = match body {
            Some(_) => "application/json",
            None => "text/plain",
        };
        let [authorization, date, version] =
            headers(&KEY, method, &path, HOST, content_type, VERSION);
        let kind = ("content-type", content_type.to_owned());
        let all = [authorization, date, version, kind];
        let body = body.map(Value::to_string).unwrap_or_default();
        self.connection.send_with(method, path, body, &all).await
    }

    /// Asks for a session of that name.
    pub(super) async fn create(&mut self, name: &str, more: Value) -> Result<Told> {
        let mut body = json!({ "name": name, "image": IMAGE });
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        let path = "/session".to_owned();
        let answer = self.call("POST", path, Some(&body)).await?;
        let text = String::from_utf8_lossy(&answer.body);
        ensure!(answer.status.is_success(), "{}: {text}", answer.status);
        let told: Told = serde_json::from_slice(&answer.body).with_context(|| text.to_string())?;
        Ok(Told {
            microseconds: answer.microseconds,
            ..told
        })
    }

    /// Ends a session: how long it took in microseconds.
    pub(super) async fn destroy(&mut self, name: &str) -> Result<u64> {
        let answer = self
            .call("DELETE", format!("/session/{name}"), None)
            .await?;
        let text = String::from_utf8_lossy(&answer.body);
        ensure!(answer.status == StatusCode::OK, "{}: {text}", answer.status);
        Ok(answer.microseconds)
    }
}

/// What callers saw.
pub(super) struct Seen {
    pub(super) elapsed: Duration,
    latencies: Vec<Histogram<u64>>,
}

impl Seen {
    /// Rounds a second.
    pub(super) fn rate(&self) -> f64 {
        let rounds = self.latencies.first().map_or(0, Histogram::len);
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 rounds")]
        let rounds = rounds as f64;
        rounds / self.elapsed.as_secs_f64()
    }

    /// Seconds that this share of the so-manyth step took at most.
    pub(super) fn quantile(&self, step: usize, share: f64) -> f64 {
        let latencies = self.latencies.get(step);
        latencies.map_or(f64::NAN, |latencies| quantile(latencies, share))
    }
}

/// So many callers go round for so long. A round is given its caller, the caller's number and its own, and says how many
/// microseconds each of its steps took.
pub(super) async fn go_round<R, const STEPS: usize>(
    address: SocketAddr,
    callers: usize,
    duration: Duration,
    round: R,
) -> Result<Seen>
where
    R: AsyncRound<STEPS> + Clone + Send + Sync + 'static,
{
    let stop = Arc::new(AtomicBool::new(false));
    let started = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|number| {
            let (stop, round) = (stop.clone(), round.clone());
            tokio::spawn(async move {
                let mut caller = Caller::open(address).await?;
                let mut steps = Vec::new();
                for _ in 0..STEPS {
                    steps.push(histogram()?);
                }
                let mut turn = 0;
                while !stop.load(Ordering::Relaxed) {
                    let took = round.run(&mut caller, number, turn).await?;
                    for (latencies, microseconds) in steps.iter_mut().zip(took) {
                        latencies.record(microseconds)?;
                    }
                    turn += 1;
                }
                anyhow::Ok(steps)
            })
        })
        .collect();
    tokio::time::sleep(duration).await;
    stop.store(true, Ordering::Relaxed);
    let mut latencies = Vec::new();
    for _ in 0..STEPS {
        latencies.push(histogram()?);
    }
    for task in tasks {
        for (sum, one) in latencies.iter_mut().zip(task.await??) {
            sum.add(one)?;
        }
    }
    Ok(Seen {
        elapsed: started.elapsed(),
        latencies,
    })
}

/// What a caller does over and over.
pub(super) trait AsyncRound<const STEPS: usize> {
    /// Once.
    fn run(
        &self,
        caller: &mut Caller,
        number: usize,
        turn: u64,
    ) -> impl Future<Output = Result<[u64; STEPS]>> + Send;
}
