//! Every state has a way out, also when somebody never answers.

use anyhow::{Result, ensure};
use muster_contract::session::ComputeSessionStatus;
use muster_tests::containers::processes_of;
use serde_json::json;

use crate::{
    house::{House, Rules, on_both},
    site::{PYTHON, SHELL},
};

/// Short times, and no agent yet.
const SHORT: Rules = Rules {
    settings: &[
        ("MUSTER__SESSION__COMPUTE_START_LIMIT", "2s"),
        ("MUSTER__SESSION__COMPUTE_STOP_LIMIT", "2s"),
        ("MUSTER__NODE_ALLOCATION__AGENT_TIMEOUT", "10m"),
    ],
    ..Rules::EMPTY
};

const SLOTS: [(&str, &str); 2] = [("cpu", "4"), ("mem", "4000000000")];

on_both!(a_start_that_is_never_answered_has_an_end, SHORT);

async fn a_start_that_is_never_answered_has_an_end(house: &mut House) -> Result<()> {
    let alice = house.alice();
    let agent = house.null_agent("a1", &SLOTS).await?;
    agent.hold(true);
    let answer = alice.create("silent", SHELL, json!({})).await?;
    ensure!(answer.status == 201, "{}", answer.text());
    ensure!(answer.json()?["status"] == "CANCELLED", "{}", answer.text());
    let id = answer.json()?["sessionId"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let over = house.find(&alice, &id).await?;
    ensure!(
        over.status_info
            .as_deref()
            .is_some_and(|info| info.starts_with("start-timeout")),
        "{over:?}"
    );
    house.all_is_free(&[]).await?;
    // The order that lies there starts nothing any more.
    agent.hold(false);
    alice.created("silent", SHELL, json!({}), "RUNNING").await?;
    alice.destroy("silent").await?;
    agent.check()?;
    ensure!(agent.running().is_empty());
    house.all_is_free(&[]).await
}

on_both!(a_stop_that_is_never_answered_has_an_end, SHORT);

async fn a_stop_that_is_never_answered_has_an_end(house: &mut House) -> Result<()> {
    let alice = house.alice();
    let agent = house.null_agent("a1", &SLOTS).await?;
    let id = alice
        .created_id("stays", SHELL, json!({}), "RUNNING")
        .await?;
    // It is gone, and node allocation has not noticed.
    drop(agent);
    let statistics = alice.destroy("stays").await?;
    ensure!(statistics["status"] == "terminated", "{statistics}");
    let over = house.find(&alice, &id).await?;
    ensure!(
        over.status_info.as_deref() == Some("stop-timeout"),
        "{over:?}"
    );
    house.slots_add_up().await
}

/// Sessions that nobody uses are ended after some seconds.
const IDLE: Rules = Rules {
    site: "[[resource_policy]]\nname = \"default\"\nidle_timeout = \"4s\"\n",
    ..Rules::USUAL
};

on_both!(one_that_nobody_uses_is_ended, IDLE);

async fn one_that_nobody_uses_is_ended(house: &mut House) -> Result<()> {
    let alice = house.alice();
    let unused = alice
        .created_id("unused", SHELL, json!({}), "RUNNING")
        .await?;
    let used = alice
        .created_id("used", PYTHON, json!({}), "RUNNING")
        .await?;
    let over = loop {
        let body = json!({ "mode": "query", "code": "1", "runId": null });
        alice
            .expect(reqwest::Method::POST, "/session/used", Some(&body), 200)
            .await?;
        let seen = house.find(&alice, &unused).await?;
        if seen.status.is_over() {
            break seen;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    };
    ensure!(
        over.status_info.as_deref() == Some("idle-timeout"),
        "{over:?}"
    );
    let other = house.find(&alice, &used).await?;
    ensure!(other.status == ComputeSessionStatus::Running, "{other:?}");
    ensure!(processes_of(&unused).is_empty());
    house
        .wait_for(&alice, &used, ComputeSessionStatus::Terminated)
        .await?;
    house.all_is_free(&[&used]).await
}
