//! The service is away for a while: requests wait for it, a waiter that gives up finds its outcome
//! later, and what was answered is seen by the next read (design §3, rules 7 and 8).

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use muster_testkit::{DEADLINE, eventually};
use muster_tests::{
    Client, System, SystemOptions,
    bookkeeping::{check_events, settled, waiting_commands},
    client::send,
    events::{EventConsumer, operator},
    jobs,
    load::{Told, start_all},
    on_every_setup, on_setup,
    setup::{Mode, Setup, stopped_at},
};
use reqwest::{Method, StatusCode};
use rustix::process::Signal;
use serde_json::json;
use tokio::task::JoinHandle;

/// How long the service is away: the promise itself says so.
const AWAY: Duration = Duration::from_secs(5);

/// Requests that come meanwhile.
const STARTS: i64 = 20;
const LISTS: usize = 10;

/// Starts that are listed at once, for each of so many clients.
const READS: i64 = 60;
const READERS: i64 = 4;

fn options(options: SystemOptions) -> SystemOptions {
    options
}

fn lists(client: &Client) -> Vec<JoinHandle<Result<(StatusCode, serde_json::Value)>>> {
    (0..LISTS)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.list("").await })
        })
        .collect()
}

/// Each of these lists succeeds.
async fn all_listed(lists: Vec<JoinHandle<Result<(StatusCode, serde_json::Value)>>>) -> Result<()> {
    for list in lists {
        let (status, body) = list.await??;
        ensure!(status == StatusCode::OK, "{status} {body}");
    }
    Ok(())
}

fn all_done(told: &[(i64, Told)]) -> Result<()> {
    let done = told.iter().all(|(_, told)| matches!(told, Told::Done(_)));
    ensure!(done, "{told:?}");
    Ok(())
}

async fn rows_and_events(system: &System, consumer: &EventConsumer, rows: i64) -> Result<()> {
    let dump = settled(system, consumer).await?;
    ensure!(dump.rows("job").len() == usize::try_from(rows)?);
    check_events(&dump, &consumer.events())
}

/// Nobody is there for five seconds: killed, and started again.
async fn gone_body(system: &mut System, setup: Setup) -> Result<()> {
    let consumer = EventConsumer::start(system).await?;
    let client = system.alpha()?;
    setup.kill_archives(system)?;
    let starting = {
        let client = client.clone();
        tokio::spawn(async move { start_all(&client, 1..=STARTS, |_| None).await })
    };
    let listing = lists(&client);
    tokio::time::sleep(AWAY).await;
    ensure!(!starting.is_finished() && listing.iter().all(|list| !list.is_finished()));
    setup.start_archives(system).await?;
    all_done(&starting.await??)?;
    all_listed(listing).await?;
    rows_and_events(system, &consumer, STARTS).await
}

/// It is there and does nothing for five seconds.
async fn hanging_body(system: &mut System, setup: Setup) -> Result<()> {
    let consumer = EventConsumer::start(system).await?;
    let client = system.alpha()?;
    for archive in setup.archives() {
        system.process(archive)?.signal(Signal::STOP)?;
    }
    let starting = {
        let client = client.clone();
        tokio::spawn(async move { start_all(&client, 1..=STARTS, |_| None).await })
    };
    let listing = lists(&client);
    tokio::time::sleep(AWAY).await;
    ensure!(!starting.is_finished() && listing.iter().all(|list| !list.is_finished()));
    for archive in setup.archives() {
        system.process(archive)?.signal(Signal::CONT)?;
    }
    all_done(&starting.await??)?;
    all_listed(listing).await?;
    rows_and_events(system, &consumer, STARTS).await
}

/// It dies with questions at hand: they are asked of whoever comes next.
async fn died_with_questions_body(system: &mut System, setup: Setup) -> Result<()> {
    let client = system.alpha()?;
    ensure!(client.start_job(&jobs::start(1)).await?.0 == StatusCode::CREATED);
    for archive in setup.archives() {
        system.process(archive)?.signal(Signal::STOP)?;
    }
    let listing = lists(&client);
    // Until the broker has handed them all to the processes that do nothing.
    let context = operator(&system.data()).await?;
    eventually(DEADLINE, "the questions to be sent", async || {
        let sent = context.client().flush().await;
        (sent.is_ok() && listing.iter().all(|list| !list.is_finished())).then_some(())
    })
    .await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    setup.kill_archives(system)?;
    let started = Instant::now();
    setup.start_archives(system).await?;
    all_listed(listing).await?;
    ensure!(
        started.elapsed() < DEADLINE,
        "after {:?}",
        started.elapsed()
    );
    Ok(())
}

/// The job archive of a single process stands still for five seconds in the middle of a batch.
async fn standing_still_body(system: &mut System, setup: Setup) -> Result<()> {
    let still = format!("before-commit=1*sleep({})", AWAY.as_millis());
    setup.restart_with_breakpoint(system, &still).await?;
    let consumer = EventConsumer::start(system).await?;
    let client = system.alpha()?;
    let started = Instant::now();
    let told = start_all(&client, 1..=STARTS, |_| None).await?;
    ensure!(started.elapsed() >= AWAY, "it did not stand still");
    all_done(&told)?;
    all_listed(lists(&client)).await?;
    rows_and_events(system, &consumer, STARTS).await
}

mod away_for_five_seconds {
    use super::*;
    on_setup!(gone_sqlite, SQLITE_IN_PARTS, gone, options, gone_body);
    on_setup!(gone_postgres, POSTGRES_IN_PARTS, gone, options, gone_body);
    on_setup!(
        hanging_sqlite,
        SQLITE_IN_PARTS,
        hanging,
        options,
        hanging_body
    );
    on_setup!(
        hanging_postgres,
        POSTGRES_IN_PARTS,
        hanging,
        options,
        hanging_body
    );
    on_setup!(
        died_with_questions_sqlite,
        SQLITE_IN_PARTS,
        died_with_questions,
        options,
        died_with_questions_body
    );
    on_setup!(
        died_with_questions_postgres,
        POSTGRES_IN_PARTS,
        died_with_questions,
        options,
        died_with_questions_body
    );
    on_setup!(
        in_one_process_sqlite,
        SQLITE_IN_ONE_PROCESS,
        standing_still,
        options,
        standing_still_body
    );
    on_setup!(
        in_one_process_postgres,
        POSTGRES_IN_ONE_PROCESS,
        standing_still,
        options,
        standing_still_body
    );
}

fn impatient(options: SystemOptions) -> SystemOptions {
    options.with("MUSTER__INGRESS__COMMAND_DEADLINE", "1s")
}

/// Nothing comes back in time: the client is told the command's id, and finds the outcome by its key.
async fn gave_up_body(system: &mut System, setup: Setup) -> Result<()> {
    let consumer = EventConsumer::start(system).await?;
    match setup.mode {
        Mode::Parts => setup.kill_archives(system)?,
        Mode::OneProcess => {
            setup
                .restart_with_breakpoint(system, "before-commit=return")
                .await?;
        }
    }
    let client = system.alpha()?;
    let request = client
        .request(Method::POST, "/api/jobs/start_job/")
        .header("Idempotency-Key", "late")
        .body(jobs::start(1).to_string());
    let answer = send(request).await?;
    ensure!(
        answer.status == StatusCode::GATEWAY_TIMEOUT,
        "{}",
        answer.text()
    );
    let body = answer.json()?;
    let text = body.get("error").and_then(|error| error.as_str());
    let text = text.with_context(|| format!("not the dialect's error: {body}"))?;
    let id = text
        .split_whitespace()
        .find(|word| word.len() == 36 && word.matches('-').count() == 4);
    let id = id.with_context(|| format!("no command id: {text}"))?;
    // Without a key there is nothing to find it by; it runs all the same.
    let (status, body) = client.start_job(&jobs::start(2)).await?;
    ensure!(status == StatusCode::GATEWAY_TIMEOUT, "{status} {body}");
    if setup.mode == Mode::OneProcess {
        stopped_at(system, setup.first_archive()?, "before-commit").await?;
    }
    ensure!(
        system.tables().jobs().await?.is_empty(),
        "nobody did it yet"
    );
    ensure!(
        waiting_commands(consumer.jetstream()).await? == 2,
        "both wait"
    );

    setup.kill_archives(system)?;
    setup.start_archives(system).await?;
    let found = eventually(DEADLINE, "the outcome", async || {
        let (status, body) = client.start_job_once("late", &jobs::start(1)).await.ok()?;
        (status != StatusCode::GATEWAY_TIMEOUT).then_some((status, body))
    });
    let (status, body) = found.await?;
    ensure!(status == StatusCode::CREATED, "{status} {body}");
    let dump = settled(system, &consumer).await?;
    let rows = dump.rows("job");
    ensure!(rows.len() == 2, "{rows:?}");
    let row = rows.iter().find(|row| row.get("job_id") == Some(&json!(1)));
    ensure!(
        row.and_then(|row| row.get("id")) == body.get("id"),
        "{row:?} {body}"
    );
    // The id it was told is that of the command whose outcome it found.
    let inbox = dump.rows("inbox");
    ensure!(
        inbox.iter().any(|row| row.get("id") == Some(&json!(id))),
        "no {id} in {inbox:?}"
    );
    check_events(&dump, &consumer.events())
}

on_every_setup!(
    a_waiter_that_gives_up_finds_its_outcome,
    impatient,
    gave_up_body
);

/// A client that has its answer sees what it did, whichever replica it asks.
async fn read_own_writes_body(system: &mut System, _setup: Setup) -> Result<()> {
    let client = system.alpha()?;
    let tasks: Vec<_> = (0..READERS)
        .map(|reader| {
            let client = client.clone();
            tokio::spawn(async move {
                for number in 0..READS {
                    let job_id = reader * READS + number;
                    let start_time = jobs::START_TIME + job_id;
                    let changes = json!({ "startTime": start_time });
                    let body = jobs::with(jobs::start(job_id), &changes);
                    let (status, answer) = client.start_job(&body).await?;
                    ensure!(status == StatusCode::CREATED, "{status} {answer}");
                    let query = format!("start-time={start_time}-{start_time}");
                    seen(&client, &query, &answer).await?;
                    let body = jobs::with(jobs::stop(job_id), &changes);
                    let (status, answer) = client.stop_job(&body).await?;
                    ensure!(status == StatusCode::OK, "{status} {answer}");
                    seen(&client, &format!("{query}&state=completed"), &answer).await?;
                }
                Ok(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}

/// The list has the job that the answer is about, and no other.
async fn seen(client: &Client, query: &str, answer: &serde_json::Value) -> Result<()> {
    let listed = client.jobs(query).await?;
    let ids: Vec<_> = listed.iter().map(|job| job.get("id")).collect();
    ensure!(ids == [answer.get("id")], "{query}: {ids:?} after {answer}");
    Ok(())
}

on_every_setup!(a_list_sees_what_was_answered, options, read_own_writes_body);
