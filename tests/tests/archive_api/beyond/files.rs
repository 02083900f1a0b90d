//! The archive's files follow what is told of jobs that have stopped.

use std::{fs, path::PathBuf};

use anyhow::{Result, ensure};
use muster_testkit::{DEADLINE, eventually};
use muster_tests::site;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    expect,
    tags::{names, tag},
};
use crate::house::{House, Started};

/// Where the files of a job are.
fn directory(house: &House, job: Started) -> PathBuf {
    let (thousands, rest) = (job.job_id / 1_000, job.job_id % 1_000);
    let path = format!(
        "job-archive/{}/{thousands}/{rest:03}/{}",
        site::TEST_CLUSTER,
        job.start_time
    );
    house.system.data().join(path)
}

/// The job's `meta.json` as soon as this can be said of it.
async fn meta(
    house: &House,
    job: Started,
    what: &str,
    is_true: impl Fn(&Value) -> bool,
) -> Result<Value> {
    let file = directory(house, job).join("meta.json");
    let seen = eventually(DEADLINE, what, async || {
        let meta: Value = serde_json::from_slice(&fs::read(&file).ok()?).ok()?;
        is_true(&meta).then_some(meta)
    });
    seen.await
}

pub(super) async fn files(house: &House) -> Result<()> {
    let job = house
        .running(&json!({ "metaData": { "jobName": "x" }, "tags": [tag("first"), tag("every")] }))
        .await?;
    ensure!(!directory(house, job).exists(), "a job that runs has files");
    house.alpha.stop_job(&job.stop()).await?;
    let written = meta(house, job, "meta.json", |_| true).await?;
    ensure!(written["jobState"] == "completed", "{written}");
    let mut first = names(&written);
    first.sort_unstable();
    ensure!(first == ["every", "first"], "{written}");

    let path = format!("/api/jobs/tag_job/{}", job.id);
    let tags = json!([tag("second")]);
    expect(&house.ask(Method::POST, &path, &tags).await?, 200)?;
    meta(house, job, "a tag in meta.json", |meta| {
        names(meta).contains(&"second")
    })
    .await?;
    expect(
        &house
            .ask(Method::DELETE, &path, &json!([tag("first")]))
            .await?,
        200,
    )?;
    meta(house, job, "a tag to leave meta.json", |meta| {
        !names(meta).contains(&"first")
    })
    .await?;
    let every = json!([tag("every")]);
    let answer = house.ask(Method::DELETE, "/api/tags/", &every).await?;
    ensure!(answer.status == 200, "{}", answer.text());
    meta(house, job, "a tag of all jobs to leave meta.json", |meta| {
        names(meta) == ["second"]
    })
    .await?;
    let entry = json!({ "key": "message", "value": "hello" });
    let path = format!("/api/jobs/edit_meta/{}", job.id);
    expect(&house.ask(Method::PATCH, &path, &entry).await?, 200)?;
    let edited = meta(house, job, "meta data in meta.json", |meta| {
        meta["metaData"]["message"] == "hello"
    })
    .await?;
    ensure!(
        edited["metaData"]["jobName"] == "x" && edited["duration"] == written["duration"],
        "{edited}"
    );

    // As the Swagger text has it, what is deleted from the tables stays in the archive.
    let path = format!("/api/jobs/delete_job/{}", job.id);
    expect(&house.ask(Method::DELETE, &path, &Value::Null).await?, 200)?;
    house.told().await?;
    let left = meta(house, job, "meta.json", |_| true).await?;
    ensure!(left == edited, "{left}");
    Ok(())
}
