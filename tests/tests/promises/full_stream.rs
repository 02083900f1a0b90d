//! More commands wait than their stream may hold: overload is an error and not a loss (design §3).

use std::{sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use muster_testkit::{DEADLINE, eventually};
use muster_tests::{
    Client, System, SystemOptions,
    bookkeeping::{self, settled},
    client::send,
    events::EventConsumer,
    jobs,
    load::{Asked, Story, Told, report},
    on_every_setup,
    setup::{Mode, Setup},
};
use reqwest::{Method, StatusCode};
use rustix::process::Signal;
use tokio::sync::Mutex;

/// Far less than the requests take.
const STREAM_LIMIT: &str = "64KiB";

/// Longer than the service is away.
const COMMAND_DEADLINE: &str = "45s";

/// Requests at once; each takes about a kilobyte of the stream.
const REQUESTS: i64 = 200;

/// How soon a client is told that it has to come again.
const AT_ONCE: Duration = Duration::from_secs(15);

fn options(options: SystemOptions) -> SystemOptions {
    options
        .with("MUSTER__JOB_ARCHIVE__COMMAND_STREAM_LIMIT", STREAM_LIMIT)
        .with("MUSTER__INGRESS__COMMAND_DEADLINE", COMMAND_DEADLINE)
}

fn key(job_id: i64) -> String {
    format!("key-{job_id}")
}

async fn start_job(client: Client, job_id: i64, told: Arc<Mutex<Vec<(i64, Told)>>>) {
    let answer = report(
        &client,
        "start_job",
        Some(&key(job_id)),
        &jobs::start(job_id),
    )
    .await;
    told.lock().await.push((job_id, answer));
}

async fn full_body(system: &mut System, setup: Setup) -> Result<()> {
    let consumer = EventConsumer::start(system).await?;
    match setup.mode {
        Mode::Parts => {
            for archive in setup.archives() {
                system.process(archive)?.signal(Signal::STOP)?;
            }
        }
        Mode::OneProcess => {
            setup
                .restart_with_breakpoint(system, "before-commit=return")
                .await?;
        }
    }
    let client = system.alpha()?;
    let told = Arc::new(Mutex::new(Vec::new()));
    let mut waiting = Vec::new();
    for job_id in 1..=REQUESTS {
        waiting.push(tokio::spawn(start_job(
            client.clone(),
            job_id,
            told.clone(),
        )));
    }
    // What does not fit is turned away while the rest waits. Then another one is, at once, and is
    // told when to come again.
    let turned_away = async || told.lock().await.len();
    eventually(DEADLINE, "requests to be turned away", async || {
        (turned_away().await >= 20).then_some(())
    })
    .await?;
    let request = client
        .request(Method::POST, "/api/jobs/start_job/")
        .body(jobs::start(0).to_string());
    let answer = tokio::time::timeout(AT_ONCE, send(request)).await??;
    ensure!(
        answer.status == StatusCode::SERVICE_UNAVAILABLE,
        "{}",
        answer.text()
    );
    ensure!(
        answer.header("Retry-After").parse::<u64>().is_ok(),
        "{:?}",
        answer.headers
    );
    ensure!(answer.json()?.get("error").is_some(), "{}", answer.text());
    ensure!(
        told.lock()
            .await
            .iter()
            .all(|(_, told)| *told == Told::NotDone),
        "{told:?}"
    );

    match setup.mode {
        Mode::Parts => {
            for archive in setup.archives() {
                system.process(archive)?.signal(Signal::CONT)?;
            }
        }
        Mode::OneProcess => {
            setup.kill_archives(system)?;
            setup.start_archives(system).await?;
        }
    }
    for waiting in waiting {
        waiting.await?;
    }
    // Before anybody asks again: who was turned away is not there, everybody else is.
    let mut stories: Vec<Story> = told
        .lock()
        .await
        .iter()
        .map(|(job_id, told)| Story {
            job_id: *job_id,
            start: Asked {
                with_key: true,
                told: vec![told.clone()],
            },
            ..Story::default()
        })
        .collect();
    ensure!(stories.len() == usize::try_from(REQUESTS)?);
    let dump = settled(system, &consumer).await?;
    bookkeeping::check(&stories, &dump, &consumer)?;
    if setup.mode == Mode::Parts {
        let done = |story: &Story| matches!(story.start.told[..], [Told::Done(_) | Told::NotDone]);
        ensure!(
            stories.iter().all(done),
            "those who waited have their answers: {stories:?}"
        );
    }
    // Now there is room again.
    for story in &mut stories {
        let (key, body) = (key(story.job_id), jobs::start(story.job_id));
        let again = report(&client, "start_job", Some(&key), &body).await;
        story.start.told.push(again);
        ensure!(
            matches!(story.start.told.last(), Some(Told::Done(_))),
            "{story:?}"
        );
    }
    let dump = settled(system, &consumer).await?;
    bookkeeping::check(&stories, &dump, &consumer)
}

on_every_setup!(
    a_full_stream_turns_away_and_loses_nothing,
    options,
    full_body
);
