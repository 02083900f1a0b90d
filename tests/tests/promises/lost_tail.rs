//! The broker comes back without what it had acknowledged last, as after a power failure (design §3,
//! rule 4): what the outbox remembers is published again, before anything new.

use std::{collections::BTreeSet, fs};

use anyhow::{Result, ensure};
use muster_testkit::{DEADLINE, TemporaryDirectory, copy_directory, eventually};
use muster_tests::{
    Process, System, SystemOptions,
    bookkeeping::{SETTLE_DEADLINE, check_events, settled, waiting_commands},
    events::{EventConsumer, ReceivedEvent, operator, whole_stream},
    jobs,
    load::{Told, start_all},
    on_every_setup, on_setup,
    setup::{Mode, Setup},
};
use reqwest::StatusCode;
use rustix::process::{Pid, Signal, kill_process};

/// Jobs before the copy of the store that is put back later, after it, and at the end.
const KEPT: i64 = 20;
const LOST: i64 = 90;
const NEW: i64 = 10;

fn options(options: SystemOptions) -> SystemOptions {
    options.with("MUSTER__INGRESS__COMMAND_DEADLINE", "45s")
}

/// Runs `change` while no broker runs; everybody else stays as it is.
async fn behind_our_back(
    system: &mut System,
    setup: Setup,
    change: impl FnOnce(&System) -> Result<()>,
) -> Result<()> {
    match setup.mode {
        Mode::Parts => {
            system.kill(Process::Broker)?;
            nats_is_gone(system).await?;
            change(system)?;
            system.start(Process::Broker).await?;
        }
        Mode::OneProcess => {
            // Frozen, it cannot start the broker again.
            let before = system.nats_pid()?;
            system.process(Process::Everything)?.signal(Signal::STOP)?;
            let pid = i32::try_from(before)?;
            let pid = Pid::from_raw(pid).ok_or_else(|| anyhow::anyhow!("no process id"))?;
            kill_process(pid, Signal::KILL)?;
            nats_is_gone(system).await?;
            change(system)?;
            system.process(Process::Everything)?.signal(Signal::CONT)?;
            eventually(DEADLINE, "another nats-server", async || {
                (system.nats_pid().ok()? != before).then_some(())
            })
            .await?;
        }
    }
    Ok(())
}

/// Waits until the ingress has found the broker again.
async fn usable(system: &System) -> Result<()> {
    let client = system.alpha()?;
    eventually(DEADLINE, "the ingress to find the broker", async || {
        let (status, _) = client.list("").await.ok()?;
        (status == StatusCode::OK).then_some(())
    })
    .await
}

/// A killed process may still be writing to its files for a moment; a zombie does not.
async fn nats_is_gone(system: &System) -> Result<()> {
    let status = format!("/proc/{}/status", system.nats_pid()?);
    eventually(DEADLINE, "the end of nats-server", async || {
        let status = fs::read_to_string(&status).unwrap_or_default();
        let state = status.lines().find(|line| line.starts_with("State:"));
        state
            .is_none_or(|state| state.contains('Z') || state.contains('X'))
            .then_some(())
    })
    .await
}

async fn start_jobs(system: &System, first: i64, count: i64) -> Result<()> {
    for (job_id, told) in start_all(&system.alpha()?, first..first + count, |_| None).await? {
        ensure!(matches!(told, Told::Done(_)), "job {job_id}: {told:?}");
    }
    Ok(())
}

fn ids(events: &[ReceivedEvent]) -> BTreeSet<String> {
    events
        .iter()
        .map(|event| event.message_id.clone())
        .collect()
}

/// What the stream holds at this moment, read afresh, once all of `wanted` is in it.
async fn whole_stream_with(
    system: &System,
    wanted: &BTreeSet<String>,
) -> Result<Vec<ReceivedEvent>> {
    let context = operator(&system.data()).await?;
    eventually(
        SETTLE_DEADLINE,
        "the lost events to be published again",
        async || {
            let events = whole_stream(&context).await.ok()?;
            ids(&events).is_superset(wanted).then_some(events)
        },
    )
    .await
}

/// All of it is there again, each event once, and what is new comes after what was lost.
async fn all_there(system: &System, setup: Setup, before: &[ReceivedEvent]) -> Result<()> {
    usable(system).await?;
    // At once: what was lost may still be on its way.
    start_jobs(system, 1000, NEW).await?;
    let old = ids(before);
    whole_stream_with(system, &old).await?;
    let consumer = EventConsumer::start(system).await?;
    let dump = settled(system, &consumer).await?;
    let rows = dump.rows("job").len();
    ensure!(rows == before.len() + usize::try_from(NEW)?, "{rows} rows");
    let events = whole_stream(consumer.jetstream()).await?;
    ensure!(
        events.len() == rows,
        "{} events of {rows} rows",
        events.len()
    );
    check_events(&dump, &events)?;
    check_events(&dump, &consumer.events())?;
    let first_new = events
        .iter()
        .position(|event| !old.contains(&event.message_id));
    // Of two replicas one may have looked, and be done, before the other.
    ensure!(
        setup.archives().len() > 1 || first_new == Some(before.len()),
        "{first_new:?}: something new came before what was lost"
    );
    Ok(())
}

async fn older_store_body(system: &mut System, setup: Setup) -> Result<()> {
    let copy = TemporaryDirectory::new("older-store")?;
    let store = system.data().join("nats/jetstream");
    let consumer = EventConsumer::start(system).await?;
    start_jobs(system, 1, KEPT).await?;
    settled(system, &consumer).await?;
    behind_our_back(system, setup, |_| {
        copy_directory(&store, &copy.join("jetstream"))
    })
    .await?;
    usable(system).await?;
    // In several batches, so that several rows of the outbox are lost.
    for part in 0..3 {
        start_jobs(system, 100 + part * LOST / 3, LOST / 3).await?;
    }
    settled(system, &consumer).await?;
    let before = whole_stream(consumer.jetstream()).await?;
    ensure!(
        before.len() == usize::try_from(KEPT + LOST)?,
        "{}",
        before.len()
    );
    drop(consumer);
    behind_our_back(system, setup, |_| {
        fs::remove_dir_all(&store)?;
        copy_directory(&copy.join("jetstream"), &store)
    })
    .await?;
    all_there(system, setup, &before).await
}

/// The whole store is gone: streams and consumers are made anew.
async fn no_store_body(system: &mut System, setup: Setup) -> Result<()> {
    let store = system.data().join("nats/jetstream");
    let consumer = EventConsumer::start(system).await?;
    start_jobs(system, 1, KEPT).await?;
    settled(system, &consumer).await?;
    let before = whole_stream(consumer.jetstream()).await?;
    drop(consumer);
    behind_our_back(system, setup, |_| Ok(fs::remove_dir_all(&store)?)).await?;
    all_there(system, setup, &before).await
}

on_every_setup!(an_older_store_is_healed, options, older_store_body);
on_every_setup!(an_empty_store_is_healed, options, no_store_body);

/// Commands were lost that nobody had carried out: those who wait for them send them again.
async fn waiting_commands_body(system: &mut System, setup: Setup) -> Result<()> {
    let store = system.data().join("nats/jetstream");
    let consumer = EventConsumer::start(system).await?;
    setup.kill_archives(system)?;
    let client = system.alpha()?;
    let waiting = tokio::spawn(async move { start_all(&client, 1..=KEPT, |_| None).await });
    let all = u64::try_from(KEPT)?;
    eventually(DEADLINE, "the commands to be stored", async || {
        let stored = waiting_commands(consumer.jetstream()).await.ok()?;
        (stored == all).then_some(())
    })
    .await?;
    behind_our_back(system, setup, |_| Ok(fs::remove_dir_all(&store)?)).await?;
    setup.start_archives(system).await?;
    for (job_id, told) in waiting.await?? {
        ensure!(matches!(told, Told::Done(_)), "job {job_id}: {told:?}");
    }
    let dump = settled(system, &consumer).await?;
    ensure!(dump.rows("job").len() == usize::try_from(KEPT)?);
    check_events(&dump, &consumer.events())
}

mod commands_that_were_lost_are_sent_again {
    use super::*;
    on_setup!(
        sqlite,
        SQLITE_IN_PARTS,
        lost_commands,
        options,
        waiting_commands_body
    );
    on_setup!(
        postgres,
        POSTGRES_IN_PARTS,
        lost_commands,
        options,
        waiting_commands_body
    );
}

/// The broker and the service both die; the broker comes back with an older store, and the service's
/// first look finds it out.
async fn both_died_body(system: &mut System, setup: Setup) -> Result<()> {
    let store = system.data().join("nats/jetstream");
    let consumer = EventConsumer::start(system).await?;
    start_jobs(system, 1, KEPT).await?;
    settled(system, &consumer).await?;
    let before = whole_stream(consumer.jetstream()).await?;
    drop(consumer);
    setup.kill_archives(system)?;
    if setup.mode == Mode::Parts {
        system.kill(Process::Broker)?;
    }
    nats_is_gone(system).await?;
    fs::remove_dir_all(&store)?;
    if setup.mode == Mode::Parts {
        system.start(Process::Broker).await?;
    }
    setup.start_archives(system).await?;
    usable(system).await?;
    let (status, body) = system.alpha()?.start_job(&jobs::start(1)).await?;
    ensure!(
        status == StatusCode::UNPROCESSABLE_ENTITY,
        "{status} {body}"
    );
    all_there(system, setup, &before).await
}

on_every_setup!(found_out_at_the_start, options, both_died_body);
