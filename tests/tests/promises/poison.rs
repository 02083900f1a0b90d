//! Messages that cannot be processed, among others that can: the good ones are carried out, the bad
//! ones are put aside where the operator can look at them, publish them again or throw them away
//! (design §3, rule 5).

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use async_nats::jetstream::{AckKind, consumer::PullConsumer};
use futures_util::StreamExt as _;
use muster_contract::{Reply, ReplyBody, Service, headers};
use muster_testkit::{DEADLINE, eventually};
use muster_tests::{
    System, SystemOptions,
    bookkeeping::{check_events, settled, waiting_commands},
    commands::{Envelope, Sender, new_id, start_job},
    events::EventConsumer,
    jobs, on_every_setup, on_setup,
    setup::{Mode, Setup},
};
use reqwest::StatusCode;
use rustix::process::Signal;
use serde_json::{Value, json};

/// Good commands, put on the stream between the bad ones.
const GOOD: i64 = 16;

/// More deliveries than the service takes before it puts a message aside.
const TOO_MANY_DELIVERIES: usize = 9;

fn options(options: SystemOptions) -> SystemOptions {
    options
}

/// One of each kind, by what its dead letter has to say.
fn poison(sender: &Sender) -> Vec<(&'static str, Envelope)> {
    let good = || sender.envelope(new_id(), &start_job(1000));
    let malformed = Envelope {
        payload: b"{\"job_id\": ".to_vec(),
        ..good()
    };
    let no_text = Envelope {
        payload: vec![0xff, 0x00, 0xfe],
        ..good()
    };
    let mut nameless = good();
    nameless.headers = async_nats::HeaderMap::new();
    let mut unknown = good();
    unknown
        .headers
        .insert(headers::SCHEMA, "job-archive.explode/1");
    // What the ingress would never send: the table itself refuses it.
    let mut impossible = start_job(1001);
    impossible.num_nodes = -1;
    let impossible = sender.envelope(new_id(), &impossible);
    vec![
        ("body", malformed),
        ("body", no_text),
        (headers::MESSAGE_ID, nameless),
        ("job-archive.explode/1", unknown),
        ("job_num_nodes", impossible),
    ]
}

/// What `muster dead-letters list --json` prints.
async fn listed(system: &System, more: &[&str]) -> Result<Vec<Value>> {
    let arguments = [&["dead-letters", "list", "--json"], more].concat();
    let output = system.cli(&arguments).await?;
    ensure!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout)?;
    text.lines()
        .map(|line| Ok(serde_json::from_str(line)?))
        .collect()
}

async fn run(system: &System, arguments: &[&str]) -> Result<String> {
    let output = system.cli(arguments).await?;
    ensure!(output.status.success(), "{arguments:?}: {output:?}");
    Ok(String::from_utf8(output.stdout)?)
}

fn number(letter: &Value) -> Result<String> {
    let id = letter.get("id").and_then(Value::as_i64);
    Ok(id.with_context(|| format!("no id: {letter}"))?.to_string())
}

async fn among_good_ones_body(system: &mut System, setup: Setup) -> Result<()> {
    let consumer = EventConsumer::start(system).await?;
    let mut sender = Sender::start(consumer.jetstream()).await?;
    let bad = poison(&sender);
    let answered = bad.len() - 1;
    let mut envelopes = Vec::new();
    let mut bad_ones = bad.iter();
    for job_id in 1..=GOOD {
        envelopes.push(sender.envelope(new_id(), &start_job(job_id)));
        envelopes.extend(bad_ones.next().map(|(_, envelope)| envelope.clone()));
    }
    // All at once, so that they come in one batch.
    if setup.mode == Mode::Parts {
        for archive in setup.archives() {
            system.process(archive)?.signal(Signal::STOP)?;
        }
    }
    sender.publish(&envelopes).await?;
    for archive in setup.archives() {
        system.process(archive)?.signal(Signal::CONT)?;
    }
    let client = system.alpha()?;
    let (status, body) = client.start_job(&jobs::start(GOOD + 1)).await?;
    ensure!(status == StatusCode::CREATED, "{status} {body}");

    // Every sender that can be found is told; all but the one without headers.
    let mut done = 0;
    let mut put_aside = 0;
    for reply in sender.replies(usize::try_from(GOOD)? + answered).await? {
        match reply.body {
            ReplyBody::Outcome(outcome) => {
                ensure!(outcome.get().contains("done"), "{outcome}");
                done += 1;
            }
            ReplyBody::DeadLettered => put_aside += 1,
            ReplyBody::KeyReused => anyhow::bail!("{reply:?}"),
        }
    }
    ensure!(done == GOOD, "{done} done");
    // The bodies that cannot be read have readable headers; what has none has no address.
    ensure!(put_aside == answered, "{put_aside} put aside");

    let dump = settled(system, &consumer).await?;
    ensure!(dump.rows("job").len() == usize::try_from(GOOD + 1)?);
    check_events(&dump, &consumer.events())?;

    let letters = listed(system, &[]).await?;
    ensure!(letters.len() == bad.len(), "{letters:#?}");
    let mut unmatched: Vec<&Value> = letters.iter().collect();
    for (says, envelope) in &bad {
        let matches = |letter: &&Value| {
            let error = letter.get("error").and_then(Value::as_str);
            let payload = letter.get("payload").and_then(Value::as_str);
            let same = match std::str::from_utf8(&envelope.payload) {
                Ok(text) => payload == Some(text),
                Err(_) => letter.get("payload_encoding") == Some(&json!("base64")),
            };
            same && error.is_some_and(|error| error.contains(says))
        };
        let place = unmatched.iter().position(matches);
        let place = place.with_context(|| format!("nothing says {says}: {letters:#?}"))?;
        unmatched.remove(place);
    }

    // Published again, a bad one is put aside again; thrown away, it is gone.
    let first = number(letters.first().context("no letter")?)?;
    run(system, &["dead-letters", "replay", &first]).await?;
    let again = eventually(DEADLINE, "it to be put aside again", async || {
        let now = listed(system, &[]).await.ok()?;
        (now.len() == letters.len() && number(now.first()?).ok()? != first).then_some(now)
    })
    .await?;
    ensure!(listed(system, &["--all"]).await?.len() == letters.len() + 1);
    let shown = run(system, &["dead-letters", "show", &first]).await?;
    ensure!(
        serde_json::from_str::<Value>(&shown)?
            .get("replayed_at")
            .is_some()
    );
    for letter in &again {
        run(system, &["dead-letters", "discard", &number(letter)?]).await?;
    }
    ensure!(listed(system, &[]).await?.is_empty());
    // What is not there cannot be thrown away again.
    let gone = number(again.first().context("no letter")?)?;
    let output = system.cli(&["dead-letters", "discard", &gone]).await?;
    ensure!(!output.status.success(), "{output:?}");
    ensure!(
        waiting_commands(consumer.jetstream()).await? == 0,
        "nothing is stuck"
    );
    Ok(())
}

on_every_setup!(poison_among_good_ones, options, among_good_ones_body);

/// Delivered over and over, as to a service that it kills each time: put aside, and carried out when
/// it is published again.
async fn over_and_over_body(system: &mut System, setup: Setup) -> Result<()> {
    let consumer = EventConsumer::start(system).await?;
    let mut sender = Sender::start(consumer.jetstream()).await?;
    setup.kill_archives(system)?;
    let envelope = sender.envelope(new_id(), &start_job(1));
    sender.publish(&[envelope]).await?;
    let service = Service::JobArchive;
    let stream = consumer.jetstream().get_stream(service.command_stream());
    let taking: PullConsumer = stream
        .await?
        .get_consumer(service.name())
        .await
        .map_err(anyhow::Error::from_boxed)?;
    for _ in 0..TOO_MANY_DELIVERIES {
        let batch = taking.batch().max_messages(1).expires(DEADLINE);
        let mut messages = batch.messages().await?;
        let message = messages.next().await.context("no message")?;
        let message = message.map_err(anyhow::Error::from_boxed)?;
        let nak = message.ack_with(AckKind::Nak(None)).await;
        nak.map_err(anyhow::Error::from_boxed)?;
    }
    setup.start_archives(system).await?;
    // What comes behind it does not have to wait for it.
    let (status, body) = system.alpha()?.start_job(&jobs::start(2)).await?;
    ensure!(status == StatusCode::CREATED, "{status} {body}");
    let replies = sender.replies(1).await?;
    let put_aside = |reply: &Reply| matches!(reply.body, ReplyBody::DeadLettered);
    ensure!(replies.iter().all(put_aside), "{replies:?}");
    let letters = listed(system, &[]).await?;
    ensure!(letters.len() == 1, "{letters:#?}");
    let letter = letters.first().context("no letter")?;
    let deliveries = letter.get("deliveries").and_then(Value::as_i64);
    ensure!(
        deliveries > Some(i64::try_from(TOO_MANY_DELIVERIES)? - 1),
        "{letter}"
    );
    ensure!(system.tables().jobs().await?.len() == 1);

    run(system, &["dead-letters", "replay", "--all"]).await?;
    eventually(DEADLINE, "the command to be carried out", async || {
        let rows = system.tables().jobs().await.ok()?;
        (rows.len() == 2).then_some(())
    })
    .await?;
    ensure!(listed(system, &[]).await?.is_empty());
    // Published once more it is the same command, and has been carried out.
    run(system, &["dead-letters", "replay", &number(letter)?]).await?;
    let dump = settled(system, &consumer).await?;
    let mut job_ids: BTreeMap<i64, usize> = BTreeMap::new();
    for job_id in dump.integers("job", "job_id") {
        *job_ids.entry(job_id).or_default() += 1;
    }
    ensure!(job_ids == BTreeMap::from([(1, 1), (2, 1)]), "{job_ids:?}");
    check_events(&dump, &consumer.events())
}

mod delivered_over_and_over {
    use super::*;
    on_setup!(
        sqlite,
        SQLITE_IN_PARTS,
        over_and_over,
        options,
        over_and_over_body
    );
    on_setup!(
        postgres,
        POSTGRES_IN_PARTS,
        over_and_over,
        options,
        over_and_over_body
    );
}
