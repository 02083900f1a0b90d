//! Batch sessions, sessions that wait for their time or for others.

use anyhow::{Result, ensure};
use muster_contract::session::{BatchResult, ComputeSessionStatus};
use muster_tests::backendai::Api;
use serde_json::{Value, json};

use crate::{
    house::{House, on_both},
    site::SHELL,
};

async fn batch(api: &Api, name: &str, command: &str, more: Value) -> Result<String> {
    let mut body = json!({ "type": "batch", "startupCommand": command, "enqueueOnly": true });
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    api.created_id(name, SHELL, body, "PENDING").await
}

on_both!(a_batch_runs_to_its_end);

async fn a_batch_runs_to_its_end(house: &mut House) -> Result<()> {
    let alice = house.alice();
    let mut ids = Vec::new();
    for (name, command, result, code) in [
        ("goes-well", "echo all is well", BatchResult::Success, 0),
        (
            "goes-badly",
            "echo not so well; exit 4",
            BatchResult::Failure,
            4,
        ),
    ] {
        let id = batch(&alice, name, command, json!({})).await?;
        let over = house
            .wait_for(&alice, &id, ComputeSessionStatus::Terminated)
            .await?;
        ensure!(over.result == result, "{over:?}");
        ensure!(over.containers[0].exit_code == Some(code), "{over:?}");
        ensure!(
            over.status_info.as_deref() == Some("self-terminated"),
            "{over:?}"
        );
        let logs = alice.get(&format!("/session/{id}/logs")).await?;
        ensure!(logs.to_string().contains("well"), "{logs}");
        ids.push(id);
    }
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    house.all_is_free(&ids).await
}

on_both!(a_batch_that_is_ended_has_failed);

async fn a_batch_that_is_ended_has_failed(house: &mut House) -> Result<()> {
    let alice = house.alice();
    let id = batch(&alice, "long", "sleep 100000", json!({})).await?;
    house
        .wait_for(&alice, &id, ComputeSessionStatus::Running)
        .await?;
    alice.destroy("long").await?;
    let over = house.find(&alice, &id).await?;
    ensure!(over.result != BatchResult::Success, "{over:?}");
    house.all_is_free(&[&id]).await
}

on_both!(a_batch_waits_for_its_time);

async fn a_batch_waits_for_its_time(house: &mut House) -> Result<()> {
    let alice = house.alice();
    let id = batch(&alice, "soon", "true", json!({ "starts_at": "3s" })).await?;
    house.wait_for_reason(&alice, &id, "not-yet").await?;
    let over = house
        .wait_for(&alice, &id, ComputeSessionStatus::Terminated)
        .await?;
    let (Some(starts_at), Some(started_at)) = (over.starts_at, over.started_at) else {
        anyhow::bail!("{over:?}")
    };
    ensure!(started_at >= starts_at, "{over:?}");
    // It is the first to go when the time has not come.
    let id = batch(&alice, "never", "true", json!({ "starts_at": "24h" })).await?;
    alice.destroy("never").await?;
    house
        .wait_for(&alice, &id, ComputeSessionStatus::Cancelled)
        .await?;
    // An interactive session has none.
    let answer = alice
        .create("no-batch", SHELL, json!({ "starts_at": "3s" }))
        .await?;
    ensure!(answer.status == 400, "{}", answer.text());
    // And a batch has something to do.
    for more in [
        json!({ "type": "batch" }),
        json!({ "type": "batch", "startupCommand": "" }),
    ] {
        let answer = alice.create("no-command", SHELL, more).await?;
        ensure!(answer.status == 400, "{}", answer.text());
    }
    Ok(())
}

on_both!(one_that_depends_on_others_waits_for_them);

async fn one_that_depends_on_others_waits_for_them(house: &mut House) -> Result<()> {
    let alice = house.alice().with_version("v6.20200815");
    let first = batch(&alice, "first", "sleep 2", json!({})).await?;
    let second = batch(&alice, "second", "true", json!({ "dependencies": [first] })).await?;
    let done = house
        .wait_for(&alice, &second, ComputeSessionStatus::Terminated)
        .await?;
    let before = house.find(&alice, &first).await?;
    ensure!(
        before.result == BatchResult::Success && before.terminated_at <= done.started_at,
        "{before:?} {done:?}"
    );
    // What came to nothing takes along what waits for it.
    let bad = batch(&alice, "goes-badly", "sleep 1; exit 1", json!({})).await?;
    let after = batch(&alice, "after", "true", json!({ "dependencies": [bad] })).await?;
    let over = house
        .wait_for(&alice, &after, ComputeSessionStatus::Cancelled)
        .await?;
    ensure!(
        over.status_info.as_deref() == Some("dependency-failed"),
        "{over:?}"
    );
    let answer = alice
        .create("lost", SHELL, json!({ "dependencies": ["nowhere"] }))
        .await?;
    ensure!(answer.status.is_client_error(), "{}", answer.text());
    house.all_is_free(&[&first, &second, &bad, &after]).await
}
