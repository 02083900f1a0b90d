//! One scheduler with one job of a session.

use std::{
    collections::BTreeMap,
    ops::AddAssign,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Result, bail, ensure};
use muster_tests::{Answer, Client, client::send};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// Pause after an answer that was none.
const REPEAT_PAUSE: Duration = Duration::from_millis(100);

/// Between two things that it does, in milliseconds; and one time in so many, when it is late.
const PAUSES: std::ops::Range<u64> = 20..400;
const LONG_PAUSES: std::ops::Range<u64> = 1_500..5_000;
const LATE: u32 = 8;

/// How long it goes on asking what became of its last request after the end of the load.
const END_DEADLINE: Duration = Duration::from_mins(1);

/// What was done how often.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    started: usize,
    held_off: usize,
    out_of_sync: usize,
    ended: usize,
    ended_late: usize,
    moved: usize,
    vanished: usize,
    not_answered: usize,
}

impl Tally {
    /// What has to have been done for the test to say something.
    pub(crate) fn done(&self) -> [(&'static str, usize); 6] {
        [
            ("started", self.started),
            ("held off", self.held_off),
            ("out of sync", self.out_of_sync),
            ("ended", self.ended),
            ("moved", self.moved),
            ("vanished", self.vanished),
        ]
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.started += other.started;
        self.held_off += other.held_off;
        self.out_of_sync += other.out_of_sync;
        self.ended += other.ended;
        self.ended_late += other.ended_late;
        self.moved += other.moved;
        self.vanished += other.vanished;
        self.not_answered += other.not_answered;
    }
}

/// A job in a run: session, tag, job.
pub(crate) type Place = (String, i64, String);

/// What schedulers were told.
#[derive(Debug, Default)]
pub(crate) struct Diary {
    /// Which starts have succeeded, and what was said to the end that followed: `None` where there was none.
    pub(crate) starts: Mutex<BTreeMap<Place, Option<(&'static str, Value)>>>,
}

impl Diary {
    fn started(&self, place: &Place) -> Result<()> {
        let mut starts = self.starts.lock().unwrap_or_else(PoisonError::into_inner);
        let before = starts.insert(place.clone(), None);
        ensure!(before.is_none(), "{place:?} was started twice");
        Ok(())
    }

    fn ended(&self, place: &Place, result: &'static str, answer: Value) {
        let mut starts = self.starts.lock().unwrap_or_else(PoisonError::into_inner);
        starts.insert(place.clone(), Some((result, answer)));
    }
}

/// A scheduler.
pub(crate) struct Scheduler {
    http: Client,
    session: String,
    job: String,
    /// The tag that it knows.
    tag: i64,
    requests: usize,
    random: StdRng,
    diary: Arc<Diary>,
    end: Instant,
    tally: Tally,
}

impl Scheduler {
    pub(crate) fn new(
        http: Client,
        session: &str,
        job: &str,
        seed: u64,
        diary: Arc<Diary>,
        end: Instant,
    ) -> Self {
        Self {
            http,
            session: session.to_owned(),
            job: job.to_owned(),
            tag: 0,
            requests: 0,
            random: StdRng::seed_from_u64(seed),
            diary,
            end,
            tally: Tally::default(),
        }
    }

    pub(crate) async fn run(mut self) -> Result<Tally> {
        while Instant::now() < self.end {
            self.pause().await;
            let Some(place) = self.start().await? else {
                continue;
            };
            self.pause().await;
            match self.random.random_range(0..20) {
                // Nobody hears of this run of the job again.
                0 => self.tally.vanished += 1,
                1 | 2 => self.leave_and_enter().await?,
                number => {
                    let result = ["success", "fail", "aborted"][number % 3];
                    self.end(place, result).await?;
                }
            }
        }
        Ok(self.tally)
    }

    async fn pause(&mut self) {
        let is_late = self.random.random_ratio(1, LATE);
        let pauses = if is_late { LONG_PAUSES } else { PAUSES };
        let milliseconds = self.random.random_range(pauses);
        sleep(Duration::from_millis(milliseconds)).await;
    }

    /// Starts the job, or learns why not.
    async fn start(&mut self) -> Result<Option<Place>> {
        let body = json!({ "start": { "job_id": self.job, "current_tag": self.tag } });
        let Some(said) = self.act(&body).await? else {
            return Ok(None);
        };
        let tag = said["session_tag"].as_i64().unwrap_or(-1);
        ensure!(tag >= self.tag, "{} after {}: {said}", tag, self.tag);
        let before = std::mem::replace(&mut self.tag, tag);
        match said["result"].as_str() {
            Some("success") => {
                ensure!(tag > before, "{said} to a start with {before}");
                let place = (self.session.clone(), tag, self.job.clone());
                self.diary.started(&place)?;
                self.tally.started += 1;
                return Ok(Some(place));
            }
            Some("hold-off") => {
                ensure!(tag == before, "{said} to a start with {before}");
                self.tally.held_off += 1;
            }
            Some("out-of-sync") => {
                ensure!(tag > before, "{said} to a start with {before}");
                self.tally.out_of_sync += 1;
            }
            _ => bail!("{said}"),
        }
        Ok(None)
    }

    /// Ends the job.
    async fn end(&mut self, place: Place, result: &'static str) -> Result<()> {
        let body = json!({
            "end": { "job_id": self.job, "current_tag": place.1, "result": result }
        });
        let Some(said) = self.act(&body).await? else {
            return Ok(());
        };
        match said["result"].as_str() {
            Some("success") => self.tally.ended += 1,
            Some("out-of-sync") => self.tally.ended_late += 1,
            _ => bail!("{said}"),
        }
        self.diary.ended(&place, result, said);
        Ok(())
    }

    /// Takes the job out of its session while it runs, and puts it back.
    async fn leave_and_enter(&mut self) -> Result<()> {
        let path = format!("/v2/alpha/sessions/{}/jobs/{}", self.session, self.job);
        for method in [Method::DELETE, Method::PUT] {
            let Some(answer) = self.ask(method, &path, None).await? else {
                return Ok(());
            };
            ensure!(answer.status == 204, "{} {}", answer.status, answer.text());
        }
        self.tally.moved += 1;
        Ok(())
    }

    async fn act(&mut self, body: &Value) -> Result<Option<Value>> {
        let path = format!("/v2/alpha/sessions/{}/action", self.session);
        let Some(answer) = self.ask(Method::POST, &path, Some(body)).await? else {
            return Ok(None);
        };
        ensure!(
            answer.status == 202,
            "{body}: {} {}",
            answer.status,
            answer.text()
        );
        answer.json().map(Some)
    }

    /// Asks until there is an answer, every time under the same key, so that it is one request; `None` if there is none
    /// long after the end.
    async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Option<Answer>> {
        self.requests += 1;
        let key = format!("{}-{}", self.job, self.requests);
        while Instant::now() < self.end + END_DEADLINE {
            let request = self.http.request(method.clone(), path);
            let request = request.header("Idempotency-Key", &key);
            let request = match body {
                Some(body) => request.json(body),
                None => request,
            };
            match send(request).await {
                Ok(answer) if !answer.status.is_server_error() => return Ok(Some(answer)),
                Ok(answer)
                    if [StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT]
                        .contains(&answer.status) => {}
                Ok(answer) => bail!("{method} {path}: {} {}", answer.status, answer.text()),
                // The connection broke, or there was none.
                Err(_) => {}
            }
            self.tally.not_answered += 1;
            sleep(REPEAT_PAUSE).await;
        }
        Ok(None)
    }
}
