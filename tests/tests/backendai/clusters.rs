//! Sessions of several containers.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use muster_contract::session::{ComputeSessionStatus, ContainerRole};
use muster_tests::containers::processes_of;
use serde_json::json;

use crate::{
    house::{House, Rules, on_both},
    site::{BROKEN, SHELL},
};

/// Two agents with two cores each.
const TWO: Rules = Rules {
    agents: &[("a1", "cpu=2,mem=2g"), ("a2", "cpu=2,mem=2g")],
    ..Rules::USUAL
};

on_both!(a_cluster_has_all_its_containers_or_none, TWO);

async fn a_cluster_has_all_its_containers_or_none(house: &mut House) -> Result<()> {
    let alice = house.alice();
    let of = |size: u32| json!({ "config": { "clusterSize": size, "resources": { "cpu": "1" } } });
    let id = alice.created_id("three", SHELL, of(3), "RUNNING").await?;
    let session = house.find(&alice, &id).await?;
    let seen: Vec<_> = session
        .containers
        .iter()
        .map(|one| (one.index, one.role, one.status))
        .collect();
    let running = ComputeSessionStatus::Running;
    ensure!(
        seen == [
            (0, ContainerRole::Main, running),
            (1, ContainerRole::Sub, running),
            (2, ContainerRole::Sub, running)
        ],
        "{seen:?}"
    );
    let names: BTreeSet<&str> = session
        .containers
        .iter()
        .map(|one| one.hostname.as_str())
        .collect();
    ensure!(
        names == BTreeSet::from(["main1", "sub1", "sub2"]),
        "{names:?}"
    );
    let agents: BTreeSet<&str> = session
        .containers
        .iter()
        .map(|one| one.agent.as_str())
        .collect();
    ensure!(agents.len() == 2, "{agents:?}");
    // What its processes know of it.
    let words: BTreeSet<String> = processes_of(&id)
        .iter()
        .filter_map(|pid| std::fs::read(format!("/proc/{pid}/environ")).ok())
        .flat_map(|text| {
            let text = String::from_utf8_lossy(&text).into_owned();
            let words = text.split('\0').map(str::to_owned);
            words.collect::<Vec<_>>()
        })
        .collect();
    for word in [
        "BACKENDAI_CLUSTER_SIZE=3",
        "BACKENDAI_CLUSTER_HOSTS=main1,sub1,sub2",
        "BACKENDAI_CLUSTER_HOST=main1",
        "BACKENDAI_CLUSTER_HOST=sub2",
        "BACKENDAI_CLUSTER_ROLE=main",
        "BACKENDAI_CLUSTER_ROLE=sub",
        "BACKENDAI_SESSION_NAME=three",
    ] {
        ensure!(words.contains(word), "{word}: {words:?}");
    }

    // One core is left: none of two runs.
    let more =
        json!({ "enqueueOnly": true, "config": { "clusterSize": 2, "resources": { "cpu": "1" } } });
    let second = alice.created_id("next-two", SHELL, more, "PENDING").await?;
    house
        .wait_for_reason(&alice, "next-two", "no-available-instances")
        .await?;
    ensure!(house.find(&alice, "next-two").await?.containers.is_empty());
    house.slots_add_up().await?;
    alice.destroy("three").await?;
    house.wait_for(&alice, "next-two", running).await?;
    alice.destroy("next-two").await?;
    // More than all agents have together.
    let answer = alice.create("five", SHELL, of(5)).await?;
    ensure!(answer.status == 406, "{} {}", answer.status, answer.text());
    house.all_is_free(&[&id, &second]).await
}

on_both!(one_that_does_not_start_ends_them_all, TWO);

async fn one_that_does_not_start_ends_them_all(house: &mut House) -> Result<()> {
    let alice = house.alice();
    let more = json!({ "config": { "clusterSize": 4, "resources": { "cpu": "1" } } });
    let answer = alice.create("four", BROKEN, more).await?;
    ensure!(answer.status == 201, "{}", answer.text());
    let id = answer.json()?["sessionId"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    house
        .wait_for(&alice, &id, ComputeSessionStatus::Cancelled)
        .await?;
    house.all_is_free(&[&id]).await
}

on_both!(one_agent_is_enough_if_it_has_to_be, TWO);

async fn one_agent_is_enough_if_it_has_to_be(house: &mut House) -> Result<()> {
    let alice = house.alice().with_version("v6.20200815");
    let more = json!({
        "clusterSize": 2, "clusterMode": "single-node",
        "config": { "resources": { "cpu": "1" } },
    });
    alice.created("together", SHELL, more, "RUNNING").await?;
    let session = house.find(&alice, "together").await?;
    ensure!(
        session.containers.len() == 2 && session.containers[0].agent == session.containers[1].agent,
        "{session:?}"
    );
    let more = json!({
        "clusterSize": 3, "clusterMode": "single-node",
        "config": { "resources": { "cpu": "1" } },
    });
    let answer = alice.create("too-many", SHELL, more).await?;
    ensure!(answer.status == 406, "{} {}", answer.status, answer.text());
    Ok(())
}
