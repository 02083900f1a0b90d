//! Set-up and tear-down around a session.

use anyhow::{Result, ensure};
use muster_testkit::{DEADLINE, eventually};
use serde_json::Value;

use crate::{
    house::{House, Rules, on_both},
    site::KEY,
};

const RULES: Rules<'_> = Rules {
    pool: r#"hooks = { agent = "provisioner", contextualize = "1m", deprovision = "1m" }"#,
    project: r#"session_hooks = { agent = "provisioner", set_up = "1m", tear_down = "1m", attempts = 1 }"#,
    otlp: None,
};

/// Waits until the session's tear-down has come to this state.
async fn torn_down(house: &House, ssid: &str, state: &str) -> Result<Value> {
    let what = format!("a tear-down that has {state}");
    let look = async || {
        let session = house.session(ssid).await.ok()?;
        (session["tear_down"]["state"] == state).then_some(session)
    };
    eventually(DEADLINE, &what, look).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_set_up_before_its_nodes_and_torn_down_after_them() -> Result<()> {
    on_both("session_hooks", RULES, async |house| around(house).await).await
}

async fn around(house: &mut House) -> Result<()> {
    house.wait_until_ready().await?;
    let (hosts, ssid) = house.nodes("count=1").await?;
    ensure!(hosts == ["n1.dusty"], "{hosts:?}");
    let expected = [
        "session-set-up",
        "session-set-up done",
        "contextualize n1.dusty",
        "contextualize n1.dusty done",
    ];
    ensure!(house.log() == expected, "{:?}", house.log());

    house.done(&ssid).await?;
    torn_down(house, &ssid, "succeeded").await?;
    house.wait_for_state("n1.dusty", "Ready").await?;
    ensure!(house.times("session-tear-down") == 1);
    ensure!(house.times("session-tear-down done") == 1);

    // A session without nodes has both as well.
    house.said(&format!("/Session/get?key={KEY}")).await?;
    ensure!(house.times("session-set-up done") == 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tear_down_that_fails_holds_up_nothing_and_is_seen() -> Result<()> {
    on_both("failing_tear_down", RULES, async |house| {
        tear_down_fails(house).await
    })
    .await
}

async fn tear_down_fails(house: &mut House) -> Result<()> {
    house.wait_until_ready().await?;
    house.put("fail-session-tear-down")?;
    let (_, ssid) = house.nodes("count=1").await?;
    house.put("hold-session-tear-down")?;
    house.done(&ssid).await?;
    house.wait_until_ready().await?;
    house.take("hold-session-tear-down")?;
    let session = torn_down(house, &ssid, "failed").await?;
    ensure!(session["state"] == "closed", "{session}");
    let reason = session["tear_down"]["reason"].as_str().unwrap_or_default();
    ensure!(
        reason.contains("no power, says session-tear-down"),
        "{session}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_up_that_fails_refuses_the_session_and_what_it_did_is_torn_down() -> Result<()> {
    on_both("failing_set_up", RULES, async |house| {
        set_up_fails(house).await
    })
    .await
}

async fn set_up_fails(house: &mut House) -> Result<()> {
    house.wait_until_ready().await?;
    house.put("fail-session-set-up")?;
    let text = house.said(&format!("/Node/get?key={KEY}&count=1")).await?;
    ensure!(text.contains("Failed to allocate nodes"), "{text}");
    house.wait_for("session-tear-down done", 1).await?;
    // No node was asked for.
    ensure!(
        house.log().iter().all(|line| !line.contains("dusty")),
        "{:?}",
        house.log()
    );
    let held = house.said(&format!("/Inventory?key={KEY}")).await?;
    ensure!(held == "[]", "{held}");
    Ok(())
}
