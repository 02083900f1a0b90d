//! Containers are real processes: what they leave, and what becomes of a session whose process ends.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use muster_contract::session::ComputeSessionStatus;
use muster_testkit::{DEADLINE, eventually};
use muster_tests::containers::processes_of;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::{
    house::{House, on_both},
    site::{BRIEF, PYTHON, SHELL},
};

/// How long it may take until a death is reported: a second, and what a busy machine takes.
const NOTICED: Duration = Duration::from_secs(5);

on_both!(a_process_that_is_killed_ends_its_session);

async fn a_process_that_is_killed_ends_its_session(house: &mut House) -> Result<()> {
    let alice = house.alice();
    let id = alice
        .created_id("killed", PYTHON, json!({}), "RUNNING")
        .await?;
    for pid in processes_of(&id) {
        let pid = Pid::from_raw(pid).context("no process")?;
        // One may have ended with the other.
        let _ = kill_process(pid, Signal::KILL);
    }
    let killed = Instant::now();
    let over = house
        .wait_for(&alice, &id, ComputeSessionStatus::Terminated)
        .await?;
    ensure!(killed.elapsed() < NOTICED, "{:?}", killed.elapsed());
    ensure!(
        over.status_info.as_deref() == Some("self-terminated"),
        "{over:?}"
    );
    ensure!(over.containers[0].exit_code == Some(137), "{over:?}");
    house.all_is_free(&[&id]).await
}

on_both!(one_that_ends_by_itself_is_over);

async fn one_that_ends_by_itself_is_over(house: &mut House) -> Result<()> {
    let alice = house.alice();
    let id = alice
        .created_id("brief", BRIEF, json!({}), "RUNNING")
        .await?;
    let over = house
        .wait_for(&alice, &id, ComputeSessionStatus::Terminated)
        .await?;
    ensure!(over.containers[0].exit_code == Some(3), "{over:?}");
    let logs = alice.get(&format!("/session/{id}/logs")).await?;
    ensure!(logs.to_string().contains("that was all"), "{logs}");
    house.all_is_free(&[&id]).await
}

on_both!(what_it_uses_is_measured);

async fn what_it_uses_is_measured(house: &mut House) -> Result<()> {
    let alice = house.alice();
    let more = json!({ "config": { "resources": { "cpu": "1" } } });
    let id = alice.created_id("busy", PYTHON, more, "RUNNING").await?;
    let code = "import time\nend = time.process_time() + 1\nwhile time.process_time() < end: pass";
    let body = json!({ "mode": "query", "code": code, "runId": "r1" });
    alice
        .expect(reqwest::Method::POST, "/session/busy", Some(&body), 200)
        .await?;
    let used = eventually(DEADLINE, "some processor time", async || {
        let session = house.find(&alice, &id).await.ok()?;
        let usage = session.containers[0].usage?;
        (usage.cpu_used >= 500 && usage.mem_max_bytes > 1_000_000).then_some(usage)
    })
    .await?;
    let statistics = alice.destroy("busy").await?;
    ensure!(
        statistics["cpu_used"].as_u64() >= Some(used.cpu_used),
        "{statistics} after {used:?}"
    );
    Ok(())
}

on_both!(all_that_it_started_ends_with_it);

async fn all_that_it_started_ends_with_it(house: &mut House) -> Result<()> {
    let alice = house.alice();
    let id = alice
        .created_id("family", SHELL, json!({}), "RUNNING")
        .await?;
    let before = processes_of(&id).len();
    // A child that goes away from everything it can, but not from its session.
    let code = "(trap '' TERM HUP; sleep 100000) & echo started";
    let body = json!({ "mode": "query", "code": code, "runId": "r1" });
    let path = "/session/family";
    alice
        .expect(reqwest::Method::POST, path, Some(&body), 200)
        .await?;
    eventually(DEADLINE, "the child", async || {
        (processes_of(&id).len() > before).then_some(())
    })
    .await?;
    alice.destroy("family").await?;
    house.all_is_free(&[&id]).await
}
