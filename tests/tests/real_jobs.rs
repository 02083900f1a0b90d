//! Real jobs of three clusters go in by HTTP, come back with every field equal, and a second pass is
//! refused throughout and changes nothing.
#![cfg(test)]

use anyhow::{Context, Result, ensure};
use muster_testkit::skip;
use muster_tests::{
    Client, Engine, System, SystemOptions,
    real_data::{self, RealJob},
};
use serde_json::Value;

/// How many job files there are: the suite is not to pass because it found none.
const JOBS: usize = 44;

#[tokio::test]
async fn real_jobs_go_through_on_sqlite() -> Result<()> {
    go_through(Engine::Sqlite).await
}

#[tokio::test]
async fn real_jobs_go_through_on_postgresql() -> Result<()> {
    go_through(Engine::Postgres).await
}

async fn go_through(engine: Engine) -> Result<()> {
    if !engine.is_available("real jobs") {
        return Ok(());
    }
    let directory = match real_data::directory() {
        Ok(directory) => directory,
        Err(reason) => {
            skip(&format!("real jobs on {engine}"), &reason);
            return Ok(());
        }
    };
    let jobs = real_data::jobs(&directory)?;
    ensure!(jobs.len() == JOBS, "{} job files", jobs.len());
    let system = System::up(SystemOptions::new(engine)).await?;
    let client = system.alpha()?;

    for job in &jobs {
        first_pass(&client, job).await.context(job.file.clone())?;
    }
    let before = system.tables().settled_dump().await?;
    let listed = client.jobs("items-per-page=-1&with-metadata=true").await?;
    compare(&jobs, &listed)?;

    for job in &jobs {
        second_pass(&client, job).await.context(job.file.clone())?;
    }
    let after = system.tables().settled_dump().await?;
    let changes = before.changes(&after, true);
    ensure!(changes.is_empty(), "the second pass changed {changes:#?}");
    let again = client.jobs("items-per-page=-1&with-metadata=true").await?;
    ensure!(again == listed, "the second pass changed the list");
    Ok(())
}

/// Start and stop, each seen by a list that follows at once.
async fn first_pass(client: &Client, job: &RealJob) -> Result<()> {
    let (status, answer) = client.start_job(&job.start()).await?;
    ensure!(status == 201, "start: {status} {answer}");
    let id = answer.get("id").and_then(Value::as_i64);
    let running = client.jobs("state=running&with-metadata=true").await?;
    ensure!(running.len() == 1, "running: {running:#?}");
    ensure!(
        running
            .iter()
            .all(|job| job.get("id").and_then(Value::as_i64) == id)
    );

    let (status, answer) = client.stop_job(&job.stop()).await?;
    ensure!(status == 200, "stop: {status} {answer}");
    ensure!(
        answer.get("id").and_then(Value::as_i64) == id,
        "stop: {answer}"
    );
    ensure!(
        answer.get("jobState") == job.document.get("jobState"),
        "stop: {answer}"
    );
    ensure!(
        answer.get("duration").and_then(Value::as_i64) == Some(job.integer("duration")),
        "stop: {answer}"
    );
    let running = client.jobs("state=running").await?;
    ensure!(running.is_empty(), "still running: {running:#?}");
    Ok(())
}

/// The list holds exactly the files' jobs, latest start first, every member equal.
fn compare(jobs: &[RealJob], listed: &[Value]) -> Result<()> {
    ensure!(
        listed.len() == jobs.len(),
        "{} jobs are listed",
        listed.len()
    );
    let mut differences = Vec::new();
    for job in jobs {
        let found = listed.iter().find(|listed| {
            ["jobId", "cluster", "startTime"]
                .iter()
                .all(|member| listed.get(member) == job.document.get(member))
        });
        match found {
            Some(listed) => {
                let found = job.differences(listed).into_iter();
                differences.extend(found.map(|difference| format!("{}: {difference}", job.file)));
            }
            None => differences.push(format!("{} is not listed", job.file)),
        }
    }
    ensure!(differences.is_empty(), "{differences:#?}");
    let starts: Vec<i64> = listed
        .iter()
        .filter_map(|job| job.get("startTime").and_then(Value::as_i64))
        .collect();
    ensure!(starts.is_sorted_by(|one, next| one >= next), "{starts:?}");
    Ok(())
}

async fn second_pass(client: &Client, job: &RealJob) -> Result<()> {
    let (status, answer) = client.start_job(&job.start()).await?;
    ensure!(status == 422, "start: {status} {answer}");
    let (status, answer) = client.stop_job(&job.stop()).await?;
    ensure!(status == 422, "stop: {status} {answer}");
    Ok(())
}
