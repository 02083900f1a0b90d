//! The same command comes more than once, at once or later: one effect, and the same answer each time
//! (design §3, rule 2).

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use muster_contract::ReplyBody;
use muster_tests::{
    Client, System, SystemOptions,
    bookkeeping::{check_events, settled},
    commands::{Sender, new_id, start_job},
    events::EventConsumer,
    jobs, on_every_setup,
    setup::Setup,
    site,
};
use reqwest::StatusCode;
use serde_json::{Value, json};

/// Deliveries of each command.
const DELIVERIES: usize = 3;

/// Commands that are each delivered so often, all at the same time.
const COMMANDS: i64 = 40;

/// Requests with one `Idempotency-Key` at once.
const REQUESTS: usize = 8;

fn options(options: SystemOptions) -> SystemOptions {
    options
}

async fn delivered_body(system: &mut System, _setup: Setup) -> Result<()> {
    let consumer = EventConsumer::start(system).await?;
    let mut sender = Sender::start(consumer.jetstream()).await?;
    let mut envelopes = Vec::new();
    let mut jobs_of = BTreeMap::new();
    for job_id in 1..=COMMANDS {
        let id = new_id();
        jobs_of.insert(id, job_id);
        let envelope = sender.envelope(id, &start_job(job_id));
        envelopes.extend(std::iter::repeat_n(envelope, DELIVERIES));
    }
    sender.publish(&envelopes).await?;
    let replies = sender.replies(envelopes.len()).await?;

    let mut outcomes: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for reply in replies {
        let ReplyBody::Outcome(outcome) = reply.body else {
            anyhow::bail!("{reply:?}");
        };
        let outcomes = outcomes.entry(reply.id).or_default();
        outcomes.push(outcome.get().to_owned());
    }
    let dump = settled(system, &consumer).await?;
    ensure!(dump.rows("job").len() == usize::try_from(COMMANDS)?);
    for (id, job_id) in jobs_of {
        let outcomes = outcomes.remove(&id).context("no answer")?;
        ensure!(outcomes.len() == DELIVERIES, "{job_id}: {outcomes:?}");
        let row = dump
            .rows("job")
            .iter()
            .find(|row| row.get("job_id") == Some(&json!(job_id)))
            .with_context(|| format!("no job {job_id}"))?;
        let expected = json!({ "done": { "id": row.get("id") } });
        for outcome in outcomes {
            ensure!(
                serde_json::from_str::<Value>(&outcome)? == expected,
                "{outcome}"
            );
        }
    }
    ensure!(dump.rows("dead_letters").is_empty());
    check_events(&dump, &consumer.events())
}

/// Sends the bodies at once, all under one key.
async fn at_once(client: &Client, key: &str, bodies: &[Value]) -> Result<Vec<(StatusCode, Value)>> {
    let tasks: Vec<_> = bodies
        .iter()
        .map(|body| {
            let (client, key, body) = (client.clone(), key.to_owned(), body.clone());
            tokio::spawn(async move { client.start_job_once(&key, &body).await })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await??);
    }
    Ok(answers)
}

async fn key_body(system: &mut System, setup: Setup) -> Result<()> {
    let consumer = EventConsumer::start(system).await?;
    let client = system.alpha()?;
    let same = vec![jobs::start(1); REQUESTS];
    let answers = at_once(&client, "first", &same).await?;
    let (status, first) = answers.first().context("no answer")?.clone();
    ensure!(status == StatusCode::CREATED, "{status} {first}");
    ensure!(
        answers
            .iter()
            .all(|answer| *answer == (status, first.clone())),
        "{answers:?}"
    );

    // Later it is the same, also when the service has forgotten everything but its tables.
    setup.kill_archives(system)?;
    setup.start_archives(system).await?;
    let later = client.start_job_once("first", &jobs::start(1)).await?;
    ensure!(later == (status, first), "{later:?}");
    // Without the key it is another request, and the job is there already.
    let (status, body) = client.start_job(&jobs::start(1)).await?;
    ensure!(
        status == StatusCode::UNPROCESSABLE_ENTITY,
        "{status} {body}"
    );

    // The key stands for that request and no other.
    let (status, body) = client.start_job_once("first", &jobs::start(2)).await?;
    ensure!(
        status == StatusCode::UNPROCESSABLE_ENTITY,
        "{status} {body}"
    );
    ensure!(body.to_string().contains("Idempotency-Key"), "{body}");
    // Somebody else's key of the same name is another key.
    let other = system.client(site::BETA_API)?;
    let (status, body) = other.start_job_once("first", &jobs::start(3)).await?;
    ensure!(status == StatusCode::CREATED, "{status} {body}");

    // A refusal is an outcome like any other: it is given again although now it would not be made.
    let (refused, body) = client.start_job_once("second", &jobs::start(1)).await?;
    ensure!(
        refused == StatusCode::UNPROCESSABLE_ENTITY,
        "{refused} {body}"
    );
    let again = client.start_job_once("second", &jobs::start(1)).await?;
    ensure!(again == (refused, body.clone()), "{again:?} after {body}");

    let dump = settled(system, &consumer).await?;
    ensure!(dump.integers("job", "job_id") == [1, 3]);
    check_events(&dump, &consumer.events())
}

/// One key for several requests at once: one of them has it, the others are refused.
async fn reused_key_body(system: &mut System, _setup: Setup) -> Result<()> {
    let consumer = EventConsumer::start(system).await?;
    let client = system.alpha()?;
    let bodies: Vec<Value> = (1..).take(REQUESTS).map(jobs::start).collect();
    let answers = at_once(&client, "key", &bodies).await?;
    let count = |wanted| {
        answers
            .iter()
            .filter(|(status, _)| *status == wanted)
            .count()
    };
    ensure!(count(StatusCode::CREATED) == 1, "{answers:?}");
    ensure!(
        count(StatusCode::UNPROCESSABLE_ENTITY) == REQUESTS - 1,
        "{answers:?}"
    );
    let dump = settled(system, &consumer).await?;
    ensure!(dump.rows("job").len() == 1);
    check_events(&dump, &consumer.events())
}

on_every_setup!(delivered_three_times_at_once, options, delivered_body);
on_every_setup!(one_key_is_one_request, options, key_body);
on_every_setup!(one_key_for_several_requests, options, reused_key_body);
