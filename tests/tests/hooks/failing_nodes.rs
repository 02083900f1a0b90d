//! A node that cannot be prepared is set aside, and its place is taken by another.

use anyhow::{Result, ensure};
use muster_testkit::{DEADLINE, eventually};

use crate::{
    house::{House, Rules, on_both},
    site::{ALL_HOOKS, KEY, NODES},
};

const RULES: Rules<'_> = Rules {
    pool: ALL_HOOKS,
    project: "",
    otlp: None,
};

#[tokio::test(flavor = "multi_thread")]
async fn another_node_is_given_within_the_request_and_the_bad_one_is_set_aside() -> Result<()> {
    on_both("failing_node", RULES, async |house| one_fails(house).await).await
}

async fn one_fails(house: &mut House) -> Result<()> {
    house.wait_until_ready().await?;
    house.put("fail-contextualize-n1.dusty")?;
    let (hosts, ssid) = house.nodes("count=2").await?;
    ensure!(hosts == ["n2.dusty", "n3.dusty"], "{hosts:?}");
    ensure!(house.times("contextualize n1.dusty") == 1);
    let states = house.states().await?;
    ensure!(states["n1.dusty"] == "Failed", "{states:?}");
    let node = house.node("n1.dusty").await?;
    ensure!(node["state"] == "quarantined", "{node}");
    let reason = node["reason"].as_str().unwrap_or_default();
    ensure!(reason.contains("no power, says contextualize"), "{node}");

    // Nobody gets it while it is set aside.
    let text = house.said(&format!("/Node/get?key={KEY}")).await?;
    ensure!(text == "Insufficient Nodes in READY State", "{text}");
    house.done(&ssid).await?;
    for host in ["n2.dusty", "n3.dusty"] {
        house.wait_for_state(host, "Ready").await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn when_no_node_can_be_prepared_the_request_is_refused_and_nothing_is_held() -> Result<()> {
    on_both("failing_nodes", RULES, async |house| all_fail(house).await).await
}

async fn all_fail(house: &mut House) -> Result<()> {
    house.wait_until_ready().await?;
    house.put("fail-contextualize")?;
    let text = house.said(&format!("/Node/get?key={KEY}&count=2")).await?;
    ensure!(text == "\"Failed to allocate nodes\"", "{text}");
    let held = house.said(&format!("/Inventory?key={KEY}")).await?;
    ensure!(held == "[]", "{held}");
    let listed = house.system.cli(&["session", "list", "--json"]).await?;
    ensure!(listed.stdout.is_empty(), "{listed:?}");

    // Each was tried at most once, and those that failed are set aside.
    let settled = async || {
        let states = house.states().await.ok()?;
        let mut states = states.values();
        states
            .all(|state| matches!(state.as_str(), "Failed" | "Ready"))
            .then_some(())
    };
    eventually(DEADLINE, "the nodes to be at rest", settled).await?;
    // A node that was only about to be prepared when the others failed is free again.
    let states = house.states().await?;
    for node in NODES {
        let tried = house.times(&format!("contextualize {node}"));
        ensure!(tried <= 1, "{:?}", house.log());
        ensure!(tried == 1 || states[node] == "Ready", "{states:?}");
    }
    let failed = states.values().filter(|state| *state == "Failed").count();
    ensure!(failed >= 2, "{states:?}");
    Ok(())
}
