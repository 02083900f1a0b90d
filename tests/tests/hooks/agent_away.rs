//! No agent is there.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::{
    house::{House, Rules, on_both},
    site::KEY,
};

/// The longest that a get may take whose hook may take two seconds: these, the grace that follows, and what the machine needs.
const BOUND: Duration = Duration::from_secs(30);

const RULES: Rules<'_> = Rules {
    pool: r#"hooks = { agent = "provisioner", contextualize = "2s" }"#,
    project: "",
    otlp: None,
};

#[tokio::test(flavor = "multi_thread")]
async fn without_an_agent_a_get_is_refused_in_bounded_time_and_nothing_leaks() -> Result<()> {
    on_both("agent_away", RULES, async |house| away(house).await).await
}

async fn away(house: &mut House) -> Result<()> {
    house.wait_until_ready().await?;
    house.stop_agent().await?;
    let started = Instant::now();
    let text = house.said(&format!("/Node/get?key={KEY}&count=2")).await?;
    let took = started.elapsed();
    ensure!(took < BOUND, "{took:?}");
    ensure!(text == "\"Failed to allocate nodes\"", "{text}");
    // It is not the nodes' fault: they are free again at once, and not set aside.
    house.wait_until_ready().await?;
    let held = house.said(&format!("/Inventory?key={KEY}")).await?;
    ensure!(held == "[]", "{held}");

    // What was ordered meanwhile is not done when the agent is back.
    house.start_agent().await?;
    let (hosts, ssid) = house.nodes("count=1").await?;
    ensure!(house.times(&format!("contextualize {}", hosts[0])) == 1);
    ensure!(house.log().len() == 2, "{:?}", house.log());
    house.done(&ssid).await?;
    house.wait_until_ready().await
}
