//! Many clients report the same at once: one is right, the others are told so (design §3, rule 2).

use anyhow::{Result, ensure};
use muster_tests::{
    Client, System, SystemOptions,
    bookkeeping::{check_events, settled},
    events::EventConsumer,
    jobs,
    load::{Told, report},
    on_every_setup,
    setup::Setup,
};
use serde_json::{Value, json};

/// Clients that report at once.
const CLIENTS: i64 = 32;

/// Jobs they do it for, one after another.
const ROUNDS: i64 = 8;

/// Two starts of one job number that lie less than a day apart are one job (ClusterCockpit's rule).
const MINUTE: i64 = 60;

fn options(options: SystemOptions) -> SystemOptions {
    options
}

async fn all_at_once(
    client: &Client,
    what: &'static str,
    body: impl Fn(i64) -> Value,
) -> Result<Vec<Told>> {
    let tasks: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (client, body) = (client.clone(), body(number));
            tokio::spawn(async move { report(&client, what, None, &body).await })
        })
        .collect();
    let mut told = Vec::new();
    for task in tasks {
        told.push(task.await?);
    }
    Ok(told)
}

/// One was done, and all others were refused; the row of the one.
fn winner(told: &[Told]) -> Result<i64> {
    let mut done = told.iter().filter_map(|told| match told {
        Told::Done(id) => Some(*id),
        _ => None,
    });
    let (first, second) = (done.next(), done.next());
    let refused = told.iter().filter(|told| **told == Told::Refused).count();
    match (first, second) {
        (Some(id), None) if refused + 1 == told.len() => Ok(id),
        _ => anyhow::bail!("not one winner: {told:?}"),
    }
}

async fn start_body(system: &mut System, _setup: Setup) -> Result<()> {
    let consumer = EventConsumer::start(system).await?;
    let client = system.alpha()?;
    for job_id in 1..=ROUNDS {
        let told = all_at_once(&client, "start_job", |_| jobs::start(job_id)).await?;
        let started = winner(&told)?;
        let told = all_at_once(&client, "stop_job", |_| jobs::stop(job_id)).await?;
        ensure!(winner(&told)? == started, "another job was stopped");
    }
    let dump = settled(system, &consumer).await?;
    ensure!(dump.rows("job").len() == usize::try_from(ROUNDS)?);
    check_events(&dump, &consumer.events())
}

async fn within_a_day_body(system: &mut System, _setup: Setup) -> Result<()> {
    let consumer = EventConsumer::start(system).await?;
    let client = system.alpha()?;
    for job_id in 1..=ROUNDS {
        let told = all_at_once(&client, "start_job", |number| {
            let start_time = jobs::START_TIME + number * MINUTE;
            jobs::with(jobs::start(job_id), &json!({ "startTime": start_time }))
        })
        .await?;
        winner(&told)?;
    }
    let dump = settled(system, &consumer).await?;
    ensure!(dump.rows("job").len() == usize::try_from(ROUNDS)?);
    check_events(&dump, &consumer.events())
}

on_every_setup!(the_same_job_starts_and_stops_once, options, start_body);
on_every_setup!(starts_within_a_day_are_one_job, options, within_a_day_body);
