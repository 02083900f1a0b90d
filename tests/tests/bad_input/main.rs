//! Bad input gets the documented 4xx in the dialect's form, never a 5xx, and changes nothing.
#![cfg(test)]

mod bodies;
mod callers;
mod case;
mod connections;
mod forgeries;
mod liberties;
mod members;
mod paths;
mod stops;
mod strict_sites;

use anyhow::{Context, Result, ensure};
use muster_tests::{Engine, System, SystemOptions, jobs, site};
use serde_json::{Value, json};

use crate::case::Case;

/// Job number of alpha's job that runs.
const RUNNING: i64 = 1;
/// Of alpha's job that has stopped.
const STOPPED: i64 = 2;
/// Of beta's job, which runs.
const BETAS: i64 = 3;
/// Of the job that no case may make.
const NEW: i64 = 100;
/// `Idempotency-Key` under which alpha's running job was started.
const USED_KEY: &str = "used-key";

/// Cases between two looks at the tables: a look costs more than a case.
const BETWEEN_LOOKS: usize = 16;

/// Bytes of a body.
const BODY_LIMIT: usize = 256 * 1024;

#[tokio::test]
async fn bad_requests_on_sqlite() -> Result<()> {
    bad_requests(Engine::Sqlite).await
}

#[tokio::test]
async fn bad_requests_on_postgresql() -> Result<()> {
    bad_requests(Engine::Postgres).await
}

/// Jobs that are there before.
struct Seed {
    running: i64,
    stopped: i64,
    betas: i64,
}

async fn bad_requests(engine: Engine) -> Result<()> {
    if !engine.is_available("bad input") {
        return Ok(());
    }
    let options =
        SystemOptions::new(engine).with("MUSTER__INGRESS__BODY_LIMIT", BODY_LIMIT.to_string());
    let system = System::up(options).await?;
    let seed = sow(&system).await?;
    let client = system.alpha()?;
    let everything = "items-per-page=-1&with-metadata";
    let before = system.tables().settled_dump().await?;
    let listed = client.jobs(everything).await?;

    let mut cases = bodies::cases();
    cases.extend(members::cases());
    cases.extend(stops::cases(&seed));
    cases.extend(paths::cases());
    cases.extend(callers::cases());
    ensure!(cases.len() >= 60, "{} cases", cases.len());

    let mut faults = Vec::new();
    for some in cases.chunks(BETWEEN_LOOKS) {
        for case in some {
            if let Err(error) = case.run(&client).await {
                faults.push(format!("{}: {error:#}", case.name));
            }
        }
        // Refused by the service, a command leaves its outcome and nothing else.
        let changes = before.changes(&system.tables().dump().await?, true);
        if !changes.is_empty() {
            let names: Vec<&str> = some.iter().map(|case| case.name.as_str()).collect();
            faults.push(format!("one of {names:?} changed {}", changes.join("\n")));
            break;
        }
    }
    ensure!(
        faults.is_empty(),
        "{} of {} cases:\n{}",
        faults.len(),
        cases.len(),
        faults.join("\n")
    );
    let after = client.jobs(everything).await?;
    ensure!(
        without_clock(after) == without_clock(listed),
        "the list has changed"
    );
    let (status, answer) = client.start_job(&jobs::start(NEW)).await?;
    ensure!(status == 201, "afterwards: {status} {answer}");
    Ok(())
}

async fn sow(system: &System) -> Result<Seed> {
    let (alpha, beta) = (system.alpha()?, system.client(site::BETA_API)?);
    let id_of = |answer: &Value| answer.get("id").and_then(Value::as_i64).context("no id");
    let (status, running) = alpha
        .start_job_once(USED_KEY, &jobs::start(RUNNING))
        .await?;
    ensure!(status == 201, "{running}");
    let (status, stopped) = alpha.start_job(&jobs::start(STOPPED)).await?;
    ensure!(status == 201, "{stopped}");
    let (status, answer) = alpha.stop_job(&jobs::stop(STOPPED)).await?;
    ensure!(status == 200, "{answer}");
    let (status, betas) = beta.start_job(&jobs::start(BETAS)).await?;
    ensure!(status == 201, "{betas}");
    Ok(Seed {
        running: id_of(&running)?,
        stopped: id_of(&stopped)?,
        betas: id_of(&betas)?,
    })
}

/// The duration of what runs is that of the moment.
fn without_clock(mut jobs: Vec<Value>) -> Vec<Value> {
    for job in &mut jobs {
        if job.get("jobState") == Some(&json!("running"))
            && let Some(members) = job.as_object_mut()
        {
            members.remove("duration");
        }
    }
    jobs
}

/// A start of the new job with some members changed; `null` removes one.
fn start_with(changes: &Value) -> Value {
    jobs::with(jobs::start(NEW), changes)
}

/// A case of a start with some members changed.
fn changed(name: &str, changes: &Value, status: u16) -> Case {
    Case::start(name, start_with(changes).to_string(), status)
}
