//! A closed load: so many clients, each reporting the life of one job after another, who note what
//! they asked for and what they were told.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Result, bail};
use muster_testkit::eventually;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use reqwest::StatusCode;
use serde_json::Value;
use tokio::{task::JoinHandle, time::Instant};

use crate::{Client, jobs};

/// Numbers of one client's jobs lie this far from the next client's.
const JOBS_PER_CLIENT: i64 = 1_000_000;

/// Pause before a request is repeated that was not answered.
const REPEAT_PAUSE: Duration = Duration::from_millis(50);

/// How long the clients may take to find out what became of their last requests.
const END_DEADLINE: Duration = Duration::from_mins(1);

/// How many, and how they behave.
#[derive(Debug, Clone, Copy)]
pub struct LoadOptions {
    /// Clients, each with one request at a time.
    pub clients: usize,
    /// Decides which of them use keys, repeat, and stop their jobs.
    pub seed: u64,
    /// The first job's number.
    pub first_job: i64,
}

/// What a client was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// 2xx, with the row's number.
    Done(i64),
    /// 422.
    Refused,
    /// 503, or no connection: nothing was done.
    NotDone,
    /// 504, or the connection broke: it may be done or not, or later.
    Unknown,
    /// Anything else.
    Odd(String),
}

/// What was asked for one of a job's two ends, and what the answers were, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// Whether each request had the same `Idempotency-Key`.
    pub with_key: bool,
    /// The answers; empty = nothing was asked.
    pub told: Vec<Told>,
}

/// The life of one job as its client saw it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Story {
    /// Its number on the cluster, which no other job has.
    pub job_id: i64,
    /// Its start.
    pub start: Asked,
    /// Its stop.
    pub stop: Asked,
}

/// A running load.
#[derive(Debug)]
pub struct Load {
    tasks: Vec<JoinHandle<Vec<Story>>>,
    stop: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
}

impl Load {
    /// Starts the clients.
    #[must_use]
    pub fn start(client: &Client, options: LoadOptions) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let done = Arc::new(AtomicUsize::new(0));
        let mut first = options.first_job;
        let mut seed = options.seed;
        let tasks = (0..options.clients)
            .map(|_| {
                let reporter = Reporter {
                    client: client.clone(),
                    random: StdRng::seed_from_u64(seed),
                    stop: stop.clone(),
                    done: done.clone(),
                };
                let task = tokio::spawn(reporter.run(first));
                first += JOBS_PER_CLIENT;
                seed = seed.wrapping_add(1);
                task
            })
            .collect();
        Self { tasks, stop, done }
    }

    /// Requests that were answered with 2xx so far.
    #[must_use]
    pub fn done(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }

    /// Waits until so many more requests were answered with 2xx.
    pub async fn more(&self, requests: usize, deadline: Duration) -> Result<()> {
        let wanted = self.done() + requests;
        eventually(deadline, "the load to go on", async || {
            (self.done() >= wanted).then_some(())
        })
        .await
    }

    /// No new jobs; waits until each client knows what became of those it can ask for again.
    pub async fn finish(self) -> Result<Vec<Story>> {
        self.stop.store(true, Ordering::Relaxed);
        let mut stories = Vec::new();
        for task in self.tasks {
            stories.extend(task.await?);
        }
        Ok(stories)
    }
}

/// One client.
struct Reporter {
    client: Client,
    random: StdRng,
    stop: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
}

impl Reporter {
    async fn run(mut self, first: i64) -> Vec<Story> {
        let mut stories = Vec::new();
        let mut job_id = first;
        let mut end = None;
        while !self.stop.load(Ordering::Relaxed) {
            job_id += 1;
            let mut story = Story {
                job_id,
                ..Story::default()
            };
            let start = jobs::start(job_id);
            story.start = self.ask("start_job", &start, job_id, &mut end).await;
            let started = matches!(story.start.told.last(), Some(Told::Done(_)));
            if started && self.random.random_bool(0.6) {
                let stop = jobs::stop(job_id);
                story.stop = self.ask("stop_job", &stop, job_id, &mut end).await;
            }
            stories.push(story);
        }
        stories
    }

    /// Asks, and again as this client does it, until it knows or gives up.
    async fn ask(
        &mut self,
        what: &str,
        body: &Value,
        job_id: i64,
        end: &mut Option<Instant>,
    ) -> Asked {
        let key = self
            .random
            .random_bool(0.5)
            .then(|| format!("{what}-{job_id}"));
        // With a key it costs nothing to ask until one knows; without one some ask again.
        let persistent = key.is_some() || self.random.random_bool(0.5);
        let mut asked = Asked {
            with_key: key.is_some(),
            told: Vec::new(),
        };
        loop {
            let told = report(&self.client, what, key.as_deref(), body).await;
            let again = matches!(told, Told::NotDone | Told::Unknown);
            if matches!(told, Told::Done(_)) {
                self.done.fetch_add(1, Ordering::Relaxed);
            }
            asked.told.push(told);
            if !again || !persistent {
                return asked;
            }
            if self.stop.load(Ordering::Relaxed) {
                let end = *end.get_or_insert_with(|| Instant::now() + END_DEADLINE);
                if Instant::now() > end {
                    return asked;
                }
            }
            tokio::time::sleep(REPEAT_PAUSE).await;
        }
    }
}

/// Sends one `start_job` or `stop_job`.
pub async fn report(client: &Client, what: &str, key: Option<&str>, body: &Value) -> Told {
    let path = format!("/api/jobs/{what}/");
    let mut request = client
        .request(reqwest::Method::POST, &path)
        .body(body.to_string());
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key);
    }
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) if error.is_connect() => return Told::NotDone,
        Err(_) => return Told::Unknown,
    };
    let status = response.status();
    let Ok(bytes) = response.bytes().await else {
        return Told::Unknown;
    };
    told(status, &bytes)
}

fn told(status: StatusCode, body: &[u8]) -> Told {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    match status {
        StatusCode::CREATED | StatusCode::OK => match body.get("id").and_then(Value::as_i64) {
            Some(id) => Told::Done(id),
            None => Told::Odd(format!("{status} {body}")),
        },
        StatusCode::UNPROCESSABLE_ENTITY => Told::Refused,
        StatusCode::SERVICE_UNAVAILABLE => Told::NotDone,
        StatusCode::GATEWAY_TIMEOUT => Told::Unknown,
        _ => Told::Odd(format!("{status} {body}")),
    }
}

/// Many requests at once, each for a job of its own; the answers in the jobs' order.
pub async fn start_all(
    client: &Client,
    job_ids: impl IntoIterator<Item = i64>,
    key: impl Fn(i64) -> Option<String>,
) -> Result<Vec<(i64, Told)>> {
    let tasks: Vec<_> = job_ids
        .into_iter()
        .map(|job_id| {
            let (client, key) = (client.clone(), key(job_id));
            tokio::spawn(async move {
                let told = report(&client, "start_job", key.as_deref(), &jobs::start(job_id)).await;
                (job_id, told)
            })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        let answer = task.await?;
        if let (job_id, Told::Odd(odd)) = &answer {
            bail!("job {job_id}: {odd}");
        }
        answers.push(answer);
    }
    Ok(answers)
}
