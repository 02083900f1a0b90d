//! A compute session that has run is a job in the archive.

use anyhow::{Context as _, Result, ensure};
use muster_testkit::{DEADLINE, eventually};
use serde_json::{Value, json};

use crate::{
    house::{House, on_both},
    site::{PYTHON, SHELL},
};

async fn job_of(house: &House, session: &str) -> Result<Value> {
    let client = house.system.alpha()?;
    eventually(DEADLINE, &format!("{session} in the archive"), async || {
        let query = "cluster=compute&with-metadata";
        let jobs = client.jobs(query).await.ok()?;
        let mut jobs = jobs.into_iter();
        // 3 = its files are there.
        jobs.find(|job| job["metaData"]["session_id"] == session && job["monitoringStatus"] == 3)
    })
    .await
}

on_both!(what_has_run_is_a_job_of_the_archive);

async fn what_has_run_is_a_job_of_the_archive(house: &mut House) -> Result<()> {
    let alice = house.alice();
    let more = json!({ "tag": "t1", "config": { "clusterSize": 2, "resources": { "cpu": "2", "mem": "512m" } } });
    let id = alice.created_id("runs", PYTHON, more, "RUNNING").await?;
    alice.destroy("runs").await?;
    let job = job_of(house, &id).await?;
    let session = house.find(&alice, &id).await?;
    for (key, value) in [
        ("user", json!("compute-alice")),
        ("project", json!("alpha")),
        ("cluster", json!("compute")),
        ("jobState", json!("completed")),
        ("numNodes", json!(2)),
        ("numHwthreads", json!(4)),
        (
            "startTime",
            json!(session.started_at.context("no start")? / 1_000_000),
        ),
    ] {
        ensure!(job[key] == value, "{key}: {job:#}");
    }
    let meta_data = &job["metaData"];
    for (key, value) in [
        ("jobName", "runs"),
        ("image", PYTHON),
        ("tag", "t1"),
        ("reason", "user-requested"),
    ] {
        ensure!(meta_data[key] == value, "{key}: {job:#}");
    }
    ensure!(meta_data["cpu_used"].is_string(), "{job:#}");

    let mut states = Vec::new();
    for (name, command) in [("goes-well", "true"), ("goes-badly", "exit 2")] {
        let more = json!({ "type": "batch", "startupCommand": command, "enqueueOnly": true });
        let id = alice.created_id(name, SHELL, more, "PENDING").await?;
        let job = job_of(house, &id).await?;
        ensure!(job["metaData"]["jobScript"] == command, "{job:#}");
        states.push(job["jobState"].as_str().unwrap_or_default().to_owned());
    }
    ensure!(states == ["completed", "failed"], "{states:?}");

    // What never ran is no job; others see nothing.
    let more = json!({ "enqueueOnly": true, "config": { "resources": { "cpu": "4" } } });
    alice
        .created(
            "blocks",
            SHELL,
            json!({ "config": { "resources": { "cpu": "1" } } }),
            "RUNNING",
        )
        .await?;
    alice.created("never", SHELL, more, "PENDING").await?;
    alice.destroy("never").await?;
    alice.destroy("blocks").await?;
    let jobs = eventually(DEADLINE, "all of them", async || {
        let jobs = house.system.alpha().ok()?.jobs("cluster=compute").await;
        jobs.ok().filter(|jobs| jobs.len() >= 4)
    })
    .await?;
    ensure!(jobs.len() == 4, "{jobs:#?}");
    let client = house.system.client(muster_tests::site::BETA_API)?;
    ensure!(client.jobs("cluster=compute").await?.is_empty());

    // The files are an archive that every reader of archives can read.
    let verified = eventually(DEADLINE, "all files", async || {
        let output = house.system.cli(&["archive", "verify"]).await.ok()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        said.contains("4 jobs, 0 problems").then_some(())
    });
    verified.await?;
    Ok(())
}
