//! The broker is killed under load and comes back; and while it is away clients are told so at once
//! (design §3, rules 3, 4 and 7).

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use muster_testkit::{DEADLINE, TemporaryDirectory, eventually};
use muster_tests::{
    Client, Process, System, SystemOptions,
    bookkeeping::{self, settled},
    client::{Answer, send},
    events::EventConsumer,
    jobs,
    load::{Load, LoadOptions},
    on_every_setup, on_setup,
    setup::{Mode, Setup, reluctant_nats_server},
};
use reqwest::{Method, StatusCode};
use rustix::process::{Pid, Signal, kill_process};

const CLIENTS: usize = 32;

/// How often the broker is killed, and how many requests are answered between.
const KILLS: usize = 3;
const REQUESTS_BETWEEN: usize = 200;

/// How long the load may take to go on after a kill.
const RECOVERY: Duration = Duration::from_mins(1);

/// How soon a client is told that the broker is away: long before any deadline of the ingress, and on a busy machine too.
const AT_ONCE: Duration = Duration::from_secs(5);

fn options(options: SystemOptions) -> SystemOptions {
    options
}

/// SIGKILL of nats-server itself; whoever looks after it starts it again.
fn kill_nats(system: &System) -> Result<()> {
    let pid = i32::try_from(system.nats_pid()?)?;
    let pid = Pid::from_raw(pid).ok_or_else(|| anyhow::anyhow!("no process id"))?;
    Ok(kill_process(pid, Signal::KILL)?)
}

async fn under_load_body(system: &mut System, setup: Setup) -> Result<()> {
    let consumer = EventConsumer::start(system).await?;
    let load = Load::start(
        &system.alpha()?,
        LoadOptions {
            clients: CLIENTS,
            seed: 1,
            first_job: 1,
        },
    );
    load.more(REQUESTS_BETWEEN, RECOVERY).await?;
    for kill in 0..KILLS {
        let before = system.nats_pid()?;
        if setup.mode == Mode::Parts && kill % 2 == 1 {
            // The process that looks after it too.
            system.restart(Process::Broker).await?;
        } else {
            kill_nats(system)?;
        }
        eventually(DEADLINE, "another nats-server", async || {
            (system.nats_pid().ok()? != before).then_some(())
        })
        .await?;
        load.more(REQUESTS_BETWEEN, RECOVERY).await?;
    }
    let stories = load.finish().await?;
    let dump = settled(system, &consumer).await?;
    bookkeeping::check(&stories, &dump, &consumer)?;
    let (status, body) = system.alpha()?.start_job(&jobs::start(0)).await?;
    ensure!(status == StatusCode::CREATED, "{status} {body}");
    Ok(())
}

on_every_setup!(killed_under_load, options, under_load_body);

async fn start(client: &Client, job_id: i64) -> Result<(Answer, Duration)> {
    let started = Instant::now();
    let request = client
        .request(Method::POST, "/api/jobs/start_job/")
        .body(jobs::start(job_id).to_string());
    Ok((send(request).await?, started.elapsed()))
}

/// Every answer is a 503 that says when to come again, and comes at once.
async fn turned_away(client: &Client) -> Result<()> {
    let mut job_id = 1;
    eventually(
        DEADLINE,
        "the ingress to know that the broker is away",
        async || {
            job_id += 1;
            let (answer, _) = start(client, job_id).await.ok()?;
            (answer.status == StatusCode::SERVICE_UNAVAILABLE).then_some(())
        },
    )
    .await?;
    for job_id in 1000..1010 {
        let (answer, took) = start(client, job_id).await?;
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
        ensure!(took < AT_ONCE, "it took {took:?}");
        let started = Instant::now();
        let answer = send(client.request(Method::GET, "/api/jobs/")).await?;
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
        ensure!(
            started.elapsed() < AT_ONCE,
            "it took {:?}",
            started.elapsed()
        );
    }
    Ok(())
}

/// `/readyz`, with the state of the ingress's own connection.
async fn readiness(client: &Client) -> Result<(StatusCode, String)> {
    let answer = send(client.anonymous(Method::GET, "/readyz")).await?;
    let body = answer.json()?;
    let state = body.pointer("/components/ingress: broker/state");
    let state = state.and_then(serde_json::Value::as_str);
    Ok((answer.status, state.unwrap_or_default().to_owned()))
}

async fn see_readiness(client: &Client, status: StatusCode, connection: &str) -> Result<()> {
    let wanted = (status, connection.to_owned());
    let what = format!("/readyz to say {wanted:?}");
    eventually(DEADLINE, &what, async || {
        (readiness(client).await.ok()? == wanted).then_some(())
    })
    .await
}

/// Nobody should send requests here, and nobody should restart the process either.
async fn alive_and_not_ready(client: &Client) -> Result<()> {
    see_readiness(client, StatusCode::SERVICE_UNAVAILABLE, "down").await?;
    let answer = send(client.anonymous(Method::GET, "/healthz")).await?;
    ensure!(answer.status == StatusCode::OK, "{}", answer.text());
    Ok(())
}

/// It works again, and what was turned away is not there.
async fn usable_again(system: &System, consumer: &EventConsumer) -> Result<()> {
    let client = system.alpha()?;
    see_readiness(&client, StatusCode::OK, "ready").await?;
    eventually(DEADLINE, "the service to be usable", async || {
        let (answer, _) = start(&client, 2000).await.ok()?;
        (answer.status == StatusCode::CREATED).then_some(())
    })
    .await?;
    let dump = settled(system, consumer).await?;
    let ids = dump.integers("job", "job_id");
    ensure!(ids.contains(&2000), "{ids:?}");
    ensure!(!ids.iter().any(|id| (1000..1010).contains(id)), "{ids:?}");
    bookkeeping::check_events(&dump, &consumer.events())
}

async fn away_in_parts_body(system: &mut System, _setup: Setup) -> Result<()> {
    let consumer = EventConsumer::start(system).await?;
    see_readiness(&system.alpha()?, StatusCode::OK, "ready").await?;
    system.kill(Process::Broker)?;
    turned_away(&system.alpha()?).await?;
    alive_and_not_ready(&system.alpha()?).await?;
    system.start(Process::Broker).await?;
    usable_again(system, &consumer).await
}

async fn away_in_one_process_body(system: &mut System, hold: &Path) -> Result<()> {
    let consumer = EventConsumer::start(system).await?;
    std::fs::write(hold, "")?;
    kill_nats(system)?;
    turned_away(&system.alpha()?).await?;
    alive_and_not_ready(&system.alpha()?).await?;
    std::fs::remove_file(hold)?;
    usable_again(system, &consumer).await
}

async fn away_in_one_process(setup: Setup) -> Result<()> {
    let directory = TemporaryDirectory::new("reluctant")?;
    let hold = directory.join("hold");
    let program = reluctant_nats_server(directory.path(), &hold)?;
    let options = |options: SystemOptions| {
        options.with("MUSTER__NATS__SERVER_BINARY", program.to_string_lossy())
    };
    setup
        .run("the broker away", options, async |system, _| {
            away_in_one_process_body(system, &hold).await
        })
        .await
}

mod away {
    use super::*;
    on_setup!(
        sqlite_in_parts,
        SQLITE_IN_PARTS,
        away,
        options,
        away_in_parts_body
    );
    on_setup!(
        postgres_in_parts,
        POSTGRES_IN_PARTS,
        away,
        options,
        away_in_parts_body
    );

    #[tokio::test(flavor = "multi_thread")]
    async fn sqlite_in_one_process() -> Result<()> {
        away_in_one_process(Setup::SQLITE_IN_ONE_PROCESS).await
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn postgres_in_one_process() -> Result<()> {
        away_in_one_process(Setup::POSTGRES_IN_ONE_PROCESS).await
    }
}
