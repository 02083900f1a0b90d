//! What the contract table names is there: every command and every report is taken, every query answered, every event
//! emitted, and what no handler can read becomes a dead letter that an operator finds. (That every order is given:
//! `hooks`.)
#![cfg(test)]

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context, Result, ensure};
use async_nats::HeaderMap;
use futures_util::StreamExt as _;
use muster_contract::{
    Service, headers, subject,
    table::{Kind, entries},
};
use muster_testkit::{DEADLINE, eventually};
use muster_tests::{Engine, System, SystemOptions, client::send, jobs, site, tables::Record};
use reqwest::Method;
use serde_json::{Value, json};

/// How long all services of a NATS server may take to say what they serve.
const DISCOVERY: Duration = Duration::from_secs(5);

#[tokio::test]
async fn every_query_is_answered() -> Result<()> {
    let system = System::up(SystemOptions::new(Engine::Sqlite)).await?;
    let nats = system.nats().await?;
    let inbox = nats.new_inbox();
    let mut answers = nats.subscribe(inbox.clone()).await?;
    nats.publish_with_reply("$SRV.INFO", inbox, "".into())
        .await?;
    let mut missing: BTreeSet<&str> = entries(Kind::Query)
        .map(|entry| entry.subject.as_str())
        .collect();
    let discovery = async {
        while !missing.is_empty() {
            let Some(message) = answers.next().await else {
                break;
            };
            let info: Value = serde_json::from_slice(&message.payload).unwrap_or_default();
            for endpoint in info["endpoints"].as_array().into_iter().flatten() {
                missing.remove(endpoint["subject"].as_str().unwrap_or_default());
            }
        }
    };
    // The time is over only when something is missing.
    let _ = tokio::time::timeout(DISCOVERY, discovery).await;
    ensure!(missing.is_empty(), "nobody answers {missing:?}");
    Ok(())
}

#[tokio::test]
async fn every_event_is_emitted() -> Result<()> {
    let system = System::up(SystemOptions::new(Engine::Sqlite)).await?;
    let nats = system.nats().await?;
    let mut events = nats.subscribe("muster.evt.>").await?;
    nats.flush().await?;
    let client = system.alpha()?;
    let (status, answer) = client.start_job(&jobs::start(1)).await?;
    ensure!(status == 201, "{answer}");
    let (status, answer) = client.stop_job(&jobs::stop(1)).await?;
    ensure!(status == 200, "{answer}");
    let request = client.request(Method::DELETE, "/api/jobs/delete_job/");
    let deleted = send(request.body(r#"{"jobId": 1}"#)).await?;
    ensure!(deleted.status == 200, "{}", deleted.text());

    // Those of node sessions: `node_sessions.rs`.
    let mut missing: BTreeSet<String> = entries(Kind::Event)
        .filter(|entry| entry.service == Service::JobArchive)
        .map(|entry| subject::event(entry.service.name(), entry.version, site::ALPHA, entry.name))
        .collect();
    while !missing.is_empty() {
        let message = tokio::time::timeout(DEADLINE, events.next())
            .await
            .with_context(|| format!("nobody emits {missing:?}"))?
            .context("the subscription has ended")?;
        let subject = message.subject.to_string();
        ensure!(
            missing.remove(&subject),
            "{subject} is there twice, or not in the contract"
        );
        let given = message.headers.unwrap_or_default();
        for name in [
            headers::MESSAGE_ID,
            headers::BROKER_MESSAGE_ID,
            headers::CORRELATION_ID,
            headers::CAUSATION_ID,
            headers::SCHEMA,
        ] {
            ensure!(
                given.get(name).is_some(),
                "{subject} has no {name}: {given:?}"
            );
        }
        let body: Value = serde_json::from_slice(&message.payload)?;
        ensure!(
            (body["job_id"] == 1 || body["jobs"][0]["job_id"] == 1)
                && body["tenant"] == site::ALPHA,
            "{subject}: {body}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn every_command_and_report_has_a_handler_and_a_dead_letter_on_sqlite() -> Result<()> {
    dead_letters(Engine::Sqlite).await
}

#[tokio::test]
async fn every_command_and_report_has_a_handler_and_a_dead_letter_on_postgresql() -> Result<()> {
    dead_letters(Engine::Postgres).await
}

async fn dead_letters(engine: Engine) -> Result<()> {
    if !engine.is_available("dead letters") {
        return Ok(());
    }
    let system = System::up(SystemOptions::new(engine)).await?;
    let commands: Vec<(String, String)> = entries(Kind::Command)
        .filter(|entry| entry.service == Service::JobArchive)
        .map(|entry| (entry.subject.clone(), entry.schema.clone()))
        .collect();
    // Garbage where a handler is, and a message that no handler is for.
    for (subject, schema) in &commands {
        publish(&system, subject, schema, b"{\"garbage\": ").await?;
    }
    let nobodys = subject::command("job-archive", 1, "no-such-command");
    publish(&system, &nobodys, "job-archive.no-such-command/1", b"{}").await?;

    let filed = system_letters(&system, commands.len() + 1).await?;
    let error_of = |subject: &str| {
        let found = filed.iter().find(|row| row["subject"] == subject);
        found
            .and_then(|row| row["error"].as_str())
            .map(str::to_owned)
    };
    let without_handler = error_of(&nobodys).context("the command without a handler")?;
    for (subject, _) in &commands {
        let error = error_of(subject).with_context(|| format!("no dead letter of {subject}"))?;
        ensure!(
            error != without_handler,
            "{subject} has no handler: {error}"
        );
    }
    for service in [Service::Session, Service::NodeAllocation] {
        filed_by(&system, service).await?;
    }
    listed(&system, &filed).await?;
    replayed(&system, &filed).await?;
    discarded(&system).await?;

    // Nobody was held up.
    let (status, answer) = system.alpha()?.start_job(&jobs::start(1)).await?;
    ensure!(status == 201, "{answer}");
    Ok(())
}

/// The commands and reports of another service: garbage of each becomes a dead letter of its own.
async fn filed_by(system: &System, service: Service) -> Result<()> {
    let of_service = || {
        entries(Kind::Command)
            .chain(entries(Kind::Report))
            .filter(|entry| entry.service == service)
            // Whoever the agent is.
            .map(|entry| (entry.subject.replace('*', "n1%2Edusty"), &entry.schema))
    };
    for (subject, schema) in of_service() {
        publish(system, &subject, schema, b"{\"garbage\": ").await?;
    }
    let nobodys = subject::command(service.name(), 1, "no-such-command");
    let schema = format!("{service}.no-such-command/1");
    publish(system, &nobodys, &schema, b"{}").await?;
    let list = [
        "dead-letters",
        "list",
        "--json",
        "--service",
        service.name(),
    ];
    let letters = eventually(DEADLINE, "the dead letters", async || {
        let text = run(system, &list).await.ok()?;
        let letters: Option<Vec<Value>> = text
            .lines()
            .map(|line| serde_json::from_str(line).ok())
            .collect();
        letters.filter(|letters| letters.len() == of_service().count() + 1)
    })
    .await?;
    let error_of = |subject: &str| {
        let letter = letters.iter().find(|letter| letter["subject"] == subject);
        letter.map(|letter| letter["error"].clone())
    };
    let without_handler = error_of(&nobodys).context("the command without a handler")?;
    for (subject, _) in of_service() {
        let error = error_of(&subject).with_context(|| format!("no dead letter of {subject}"))?;
        ensure!(error != without_handler, "{subject}: {error}");
    }
    Ok(())
}

async fn publish(system: &System, subject: &str, schema: &str, body: &'static [u8]) -> Result<()> {
    let nats = system.nats().await?;
    let mut given = HeaderMap::new();
    let principal =
        json!({ "name": "alpha-api", "domain": "default", "project": "alpha", "roles": ["api"] });
    let id = uuid_of(subject);
    given.insert(headers::MESSAGE_ID, id.as_str());
    given.insert(headers::CORRELATION_ID, id.as_str());
    given.insert(headers::SCHEMA, schema);
    given.insert(headers::PRINCIPAL, principal.to_string().as_str());
    let context = async_nats::jetstream::new(nats);
    let acknowledged = context
        .publish_with_headers(subject.to_owned(), given, body.into())
        .await?;
    acknowledged.await?;
    Ok(())
}

/// An id made of the subject: each message has its own.
fn uuid_of(subject: &str) -> String {
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, subject.as_bytes()).to_string()
}

async fn system_letters(system: &System, count: usize) -> Result<Vec<Record>> {
    let found = eventually(DEADLINE, "the dead letters", async || {
        let rows = system.tables().dead_letters().await.ok()?;
        (rows.len() >= count).then_some(rows)
    });
    let rows = found.await?;
    ensure!(
        rows.len() == count,
        "{} dead letters instead of {count}: {rows:#?}",
        rows.len()
    );
    Ok(rows)
}

async fn run(system: &System, arguments: &[&str]) -> Result<String> {
    let output = system.cli(arguments).await?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{arguments:?}: {}: {errors}",
        output.status
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// Those of the job archive alone: each service counts its own.
const OF_ARCHIVE: &[&str] = &["--service", "job-archive"];

/// The operator's list has every row.
async fn listed(system: &System, filed: &[Record]) -> Result<()> {
    let text = run(
        system,
        &[&["dead-letters", "list", "--json"], OF_ARCHIVE].concat(),
    )
    .await?;
    let letters: Vec<Value> = text
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    ensure!(letters.len() == filed.len(), "{text}");
    for (letter, row) in letters.iter().zip(filed) {
        for member in ["id", "subject", "error", "stream_sequence", "deliveries"] {
            ensure!(letter[member] == row[member], "{member}: {letter} {row:?}");
        }
    }
    let text = run(system, &["dead-letters", "list"]).await?;
    ensure!(
        text.contains(&format!("{} waiting in job-archive", filed.len())),
        "{text}"
    );
    for row in filed {
        let subject = row["subject"].as_str().unwrap_or_default();
        ensure!(text.contains(subject), "{subject} is not in\n{text}");
    }
    let first = filed.first().context("none")?;
    let text = run(
        system,
        &[
            &["dead-letters", "show", &first["id"].to_string()],
            OF_ARCHIVE,
        ]
        .concat(),
    )
    .await?;
    let letter: Value = serde_json::from_str(&text)?;
    ensure!(letter["payload"] == "{\"garbage\": ", "{letter}");
    Ok(())
}

/// A letter that is published again is filed again, since it is garbage still.
async fn replayed(system: &System, filed: &[Record]) -> Result<()> {
    let first = filed.first().context("none")?;
    let id = first["id"].to_string();
    run(
        system,
        &[&["dead-letters", "replay", &id], OF_ARCHIVE].concat(),
    )
    .await?;
    let rows = system_letters(system, filed.len() + 1).await?;
    let old = rows
        .iter()
        .find(|row| row["id"] == first["id"])
        .context("it is gone")?;
    ensure!(!old["replayed_at"].is_null(), "{old:?}");
    let new = rows.last().context("none")?;
    ensure!(
        new["subject"] == first["subject"] && new["error"] == first["error"],
        "{new:?}"
    );
    ensure!(new["replayed_at"].is_null(), "{new:?}");
    let text = run(system, &["dead-letters", "list"]).await?;
    ensure!(text.contains(&format!("{} waiting", filed.len())), "{text}");
    let all = run(
        system,
        &[&["dead-letters", "list", "--all", "--json"], OF_ARCHIVE].concat(),
    )
    .await?;
    ensure!(all.lines().count() == filed.len() + 1, "{all}");
    Ok(())
}

async fn discarded(system: &System) -> Result<()> {
    for row in system.tables().dead_letters().await? {
        run(
            system,
            &[
                &["dead-letters", "discard", &row["id"].to_string()],
                OF_ARCHIVE,
            ]
            .concat(),
        )
        .await?;
    }
    ensure!(system.tables().dead_letters().await?.is_empty());
    let output = system
        .cli(&[&["dead-letters", "discard", "1"], OF_ARCHIVE].concat())
        .await?;
    ensure!(
        !output.status.success(),
        "what is gone was thrown away again"
    );
    Ok(())
}
