//! Waiting for nodes instead of being refused.

use std::time::Instant;

use anyhow::{Result, ensure};
use muster_testkit::{DEADLINE, eventually};

use crate::house::{ALPHA, BETA, House, METAL, on_both};

on_both!(nodes_come_to_who_waits);

async fn nodes_come_to_who_waits(house: &mut House) -> Result<()> {
    let (_, first) = house.nodes(ALPHA, &format!("count={METAL}")).await?;
    let began = Instant::now();
    house
        .text(
            &format!("/Node/get?key={BETA}&wait=1"),
            "Insufficient Nodes in READY State",
        )
        .await?;
    ensure!(
        began.elapsed().as_millis() >= 1_000,
        "{:?}",
        began.elapsed()
    );
    // Longer than a command may take otherwise; the nodes are given back meanwhile.
    let waiting = house.nodes(BETA, "count=2&wait=60");
    let giving_back = async {
        let waits = async || {
            let told = house
                .json(&format!("/Node/get?key={BETA}&dry_run=1"), 200)
                .await
                .ok()?;
            (told["waiting"] == 1).then_some(())
        };
        eventually(DEADLINE, "a request that waits", waits).await?;
        house.done(ALPHA, &first).await
    };
    let (got, given) = tokio::join!(waiting, giving_back);
    given?;
    let (hosts, ssid) = got?;
    ensure!(hosts.len() == 2 && began.elapsed() < DEADLINE, "{hosts:?}");
    // What grows waits too.
    let (_, rest) = house.nodes(ALPHA, &format!("count={}", METAL - 2)).await?;
    house
        .text(
            &format!("/Node/get?key={BETA}&ssid={ssid}&wait=1"),
            "Insufficient Nodes in READY State",
        )
        .await?;
    house.done(ALPHA, &rest).await?;
    house.nodes(BETA, &format!("ssid={ssid}&wait=1")).await?;
    house.done(BETA, &ssid).await?;
    house.all_ready().await
}
