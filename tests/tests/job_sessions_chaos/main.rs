//! Two hundred schedulers start, end, leave and enter job sessions through HTTP while every part is killed at random: no run
//! is torn. Each run has one number and one record, what a scheduler was told is what the history says, a run ends when
//! all its jobs have, events tell of each once, and each job of a run is in the job archive.
#![cfg(test)]

mod history;
mod scheduler;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use muster_platform::{Ids as _, RandomIds};
use muster_tests::{
    System, SystemOptions, client::send, events::EventConsumer, killing, on_setup, setup::Setup,
    site,
};
use rand::{SeedableRng as _, rngs::StdRng};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::Instant};

use crate::scheduler::{Diary, Scheduler, Tally};

/// Sessions, and jobs of each: in some many want to start at once, in others nobody begins a run for a while.
const SESSIONS: [(usize, usize); 2] = [(4, 25), (50, 2)];

/// Seconds in which jobs may join a run. The whole of the last one belongs to it.
const HOLD_OFF: i64 = 1;

/// How long the load and the killing last, unless [`SECONDS_VARIABLE`] says something else.
const DURATION: Duration = Duration::from_secs(20);

/// Seconds of load and killing, for a long run.
const SECONDS_VARIABLE: &str = "MUSTER_TEST_CHAOS_SECONDS";

/// Runs one case again: the seed that a failed run has printed.
const SEED_VARIABLE: &str = "MUSTER_TEST_SEED";

/// What has to succeed in spite of it all, so that the test says something.
const LEAST_DONE: usize = 5;

/// A job whose scheduler has gone is ended on its behalf after this; most runs end long before.
const LIMIT: &str = "10s";

/// How long the ingress waits for an answer while a part is away.
const COMMAND_DEADLINE: &str = "5s";

fn options(options: SystemOptions) -> SystemOptions {
    options
        .with("MUSTER__SESSION__JOB_RUN_LIMIT", LIMIT)
        .with("MUSTER__INGRESS__COMMAND_DEADLINE", COMMAND_DEADLINE)
}

fn duration() -> Result<Duration> {
    match std::env::var(SECONDS_VARIABLE) {
        Ok(seconds) => Ok(Duration::from_secs(
            seconds.parse().context(SECONDS_VARIABLE)?,
        )),
        Err(_) => Ok(DURATION),
    }
}

fn seed() -> Result<u64> {
    match std::env::var(SEED_VARIABLE) {
        Ok(seed) => seed.parse().context(SEED_VARIABLE),
        Err(_) => Ok(RandomIds.next().as_u64_pair().1),
    }
}

/// Makes something before the killing begins, and gives its id.
async fn make(system: &System, path: &str, document: &Value) -> Result<String> {
    let client = system.client(site::ALPHA_API)?;
    let request = client.request(Method::POST, &format!("/v2/alpha{path}"));
    let answer = send(request.json(document)).await?;
    ensure!(
        answer.status == 201,
        "{path}: {} {}",
        answer.status,
        answer.text()
    );
    let answer = answer.json()?;
    let id = answer.as_object().and_then(|object| object.values().next());
    let id = id.and_then(Value::as_str);
    Ok(id.with_context(|| format!("no id: {answer}"))?.to_owned())
}

/// Jobs, and the session that each belongs to.
async fn furnish(system: &System) -> Result<Vec<(String, String)>> {
    let client = json!({ "client_id": "node1", "hostname": "node1" });
    make(system, "/clients", &client).await?;
    let caller = system.client(site::ALPHA_API)?;
    let mut pairs = Vec::new();
    let sizes = SESSIONS.map(|(sessions, jobs)| vec![jobs; sessions]);
    for jobs in sizes.into_iter().flatten() {
        let document = json!({ "hold_off": HOLD_OFF, "schedule": {} });
        let session = make(system, "/sessions", &document).await?;
        for _ in 0..jobs {
            let job = json!({ "client_id": "node1", "job_actions": [], "job_schedule": {} });
            let job = make(system, "/jobs", &job).await?;
            let path = format!("/v2/alpha/sessions/{session}/jobs/{job}");
            let answer = send(caller.request(Method::PUT, &path)).await?;
            ensure!(answer.status == 204, "{} {}", answer.status, answer.text());
            pairs.push((session.clone(), job));
        }
    }
    Ok(pairs)
}

#[expect(clippy::print_stderr, reason = "for whoever looks at the test")]
async fn chaos_body(system: &mut System, _setup: Setup) -> Result<()> {
    let (seed, duration) = (seed()?, duration()?);
    eprintln!("{SEED_VARIABLE}={seed}, {duration:?}");
    let pairs = furnish(system).await?;
    let events = EventConsumer::start(system).await?;
    let diary = Arc::new(Diary::default());
    let end = Instant::now() + duration;
    let mut schedulers = JoinSet::new();
    for (number, (session, job)) in pairs.iter().enumerate() {
        let http = system.client(site::ALPHA_API)?;
        let seed = seed.wrapping_add(number as u64);
        let scheduler = Scheduler::new(http, session, job, seed, diary.clone(), end);
        schedulers.spawn(scheduler.run());
    }
    let kills = killing::until(end, system, StdRng::seed_from_u64(seed)).await?;
    let mut tally = Tally::default();
    while let Some(done) = schedulers.join_next().await {
        tally += done??;
    }
    eprintln!("{kills:?}; {tally:?}");
    for (what, count) in tally.done() {
        ensure!(count >= LEAST_DONE, "{what}: only {count}, {tally:?}");
    }
    let sessions: BTreeSet<&str> = pairs.iter().map(|(id, _)| id.as_str()).collect();
    let history = history::read(system, &sessions).await?;
    eprintln!("{}", history.counts());
    history.check(&diary)?;
    history.check_events(&events).await?;
    history.check_archive(system).await
}

on_setup!(
    sqlite_in_parts_alone,
    SQLITE_IN_PARTS,
    job_sessions_under_chaos,
    options,
    chaos_body
);
on_setup!(
    postgres_in_parts_alone,
    POSTGRES_IN_PARTS,
    job_sessions_under_chaos,
    options,
    chaos_body
);
