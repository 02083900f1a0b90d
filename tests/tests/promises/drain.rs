//! A process is asked to stop (SIGTERM) under load: what it has accepted is answered, what it has not
//! accepted is not done, and the next start goes on where it stopped.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use muster_testkit::{DEADLINE, eventually};
use muster_tests::{
    Client, Process, System, SystemOptions,
    bookkeeping::{self, settled, waiting_commands},
    events::EventConsumer,
    jobs,
    load::{Asked, Load, LoadOptions, Story, Told, report, start_all},
    on_every_setup, on_setup,
    setup::{Mode, Setup},
};
use reqwest::StatusCode;
use tokio::task::JoinHandle;

const CLIENTS: i64 = 32;

/// Requests that are answered before the signal.
const REQUESTS: usize = 300;

/// Longer than a process gives its own tasks.
const STOP_DEADLINE: Duration = Duration::from_secs(30);

/// How often it is done: the moment decides what is at hand.
const ROUNDS: i64 = 3;

fn options(options: SystemOptions) -> SystemOptions {
    options.with("MUSTER__INGRESS__COMMAND_DEADLINE", "10s")
}

/// Clients that each start one job after another until they do not succeed.
fn until_refused(
    client: &Client,
    first: i64,
    done: &Arc<AtomicUsize>,
) -> Vec<JoinHandle<Vec<Story>>> {
    (0..CLIENTS)
        .map(|number| {
            let (client, done) = (client.clone(), done.clone());
            tokio::spawn(async move {
                let mut stories = Vec::new();
                for job_id in first + number * 10_000.. {
                    let told = report(&client, "start_job", None, &jobs::start(job_id)).await;
                    let ended = !matches!(told, Told::Done(_));
                    done.fetch_add(1, Ordering::Relaxed);
                    stories.push(Story {
                        job_id,
                        start: Asked {
                            with_key: false,
                            told: vec![told],
                        },
                        ..Story::default()
                    });
                    if ended {
                        break;
                    }
                }
                stories
            })
        })
        .collect()
}

/// Asks the process to stop and waits for its end, which has to be a good one.
async fn terminate(system: &mut System, process: Process) -> Result<()> {
    let running = system.process(process)?;
    running.terminate()?;
    let status = running.wait(STOP_DEADLINE).await?;
    ensure!(status.success(), "{status}\n{}", running.output());
    let cut_off = running
        .stderr_lines()
        .into_iter()
        .find(|line| line.contains("stopped with tasks still running") || line.contains("cut off"));
    ensure!(cut_off.is_none(), "{cut_off:?}");
    Ok(())
}

/// The process that takes requests stops.
async fn front_body(system: &mut System, setup: Setup) -> Result<()> {
    let front = match setup.mode {
        Mode::OneProcess => Process::Everything,
        Mode::Parts => Process::Ingress,
    };
    let consumer = EventConsumer::start(system).await?;
    let mut stories = Vec::new();
    for round in 0..ROUNDS {
        let done = Arc::new(AtomicUsize::new(0));
        // A client with connections of its own, as after a restart.
        let clients = until_refused(&system.alpha()?, 1 + round * 1_000_000, &done);
        eventually(DEADLINE, "the load", async || {
            (done.load(Ordering::Relaxed) >= REQUESTS).then_some(())
        })
        .await?;
        terminate(system, front).await?;
        for client in clients {
            for mut story in client.await? {
                // Who was not answered was not accepted: it must not be there.
                for told in &mut story.start.told {
                    if *told == Told::Unknown {
                        *told = Told::NotDone;
                    }
                }
                stories.push(story);
            }
        }
        system.start(front).await?;
        let dump = settled(system, &consumer).await?;
        bookkeeping::check(&stories, &dump, &consumer)?;
    }
    Ok(())
}

on_every_setup!(what_was_accepted_is_answered, options, front_body);

/// The job archive stops, one replica after another, and the clients only notice that it takes longer.
async fn archive_body(system: &mut System, setup: Setup) -> Result<()> {
    let consumer = EventConsumer::start(system).await?;
    let load = Load::start(
        &system.alpha()?,
        LoadOptions {
            clients: usize::try_from(CLIENTS)?,
            seed: 1,
            first_job: 1,
        },
    );
    load.more(REQUESTS, DEADLINE).await?;
    for _ in 0..ROUNDS {
        for archive in setup.archives() {
            terminate(system, archive).await?;
            system.start(archive).await?;
            load.more(REQUESTS, DEADLINE).await?;
        }
    }
    let stories = load.finish().await?;
    let unanswered: Vec<_> = stories
        .iter()
        .filter(|story| {
            let mut told = story.start.told.iter().chain(&story.stop.told);
            !told.all(|told| matches!(told, Told::Done(_)))
        })
        .collect();
    ensure!(unanswered.is_empty(), "{unanswered:?}");
    let dump = settled(system, &consumer).await?;
    bookkeeping::check(&stories, &dump, &consumer)
}

mod the_job_archive_stops {
    use super::*;
    on_setup!(
        sqlite,
        SQLITE_IN_PARTS,
        archive_stops,
        options,
        archive_body
    );
    on_setup!(
        postgres,
        POSTGRES_IN_PARTS,
        archive_stops,
        options,
        archive_body
    );
}

/// Requests that wait for a service which is away keep the ingress from ending, and no others come in.
async fn waiting_body(system: &mut System, setup: Setup) -> Result<()> {
    const WAITING: i64 = 8;
    let consumer = EventConsumer::start(system).await?;
    setup.kill_archives(system)?;
    let client = system.alpha()?;
    let waiting = {
        let client = client.clone();
        tokio::spawn(async move { start_all(&client, 1..=WAITING, |_| None).await })
    };
    let all = u64::try_from(WAITING)?;
    eventually(DEADLINE, "the commands to be stored", async || {
        let stored = waiting_commands(consumer.jetstream()).await.ok()?;
        (stored == all).then_some(())
    })
    .await?;
    system.process(Process::Ingress)?.terminate()?;
    eventually(DEADLINE, "new connections to be refused", async || {
        client.connect().await.is_err().then_some(())
    })
    .await?;
    ensure!(!waiting.is_finished(), "they still wait");
    setup.start_archives(system).await?;
    for (job_id, told) in waiting.await?? {
        ensure!(matches!(told, Told::Done(_)), "job {job_id}: {told:?}");
    }
    let ingress = system.process(Process::Ingress)?;
    let status = ingress.wait(STOP_DEADLINE).await?;
    ensure!(status.success(), "{status}\n{}", ingress.output());

    system.start(Process::Ingress).await?;
    let (status, body) = system.alpha()?.list("").await?;
    ensure!(status == StatusCode::OK, "{status} {body}");
    let listed = body.get("jobs").and_then(|jobs| jobs.as_array());
    let listed = listed.context("no jobs")?.len();
    ensure!(listed == usize::try_from(WAITING)?, "{body}");
    let dump = settled(system, &consumer).await?;
    bookkeeping::check_events(&dump, &consumer.events())
}

mod those_who_wait_are_waited_for {
    use super::*;
    on_setup!(sqlite, SQLITE_IN_PARTS, waiting, options, waiting_body);
    on_setup!(postgres, POSTGRES_IN_PARTS, waiting, options, waiting_body);
}
