//! Many want nodes at once.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use muster_testkit::{DEADLINE, eventually};

use super::{get_at_once, used};
use crate::house::{ALPHA, BETA, GAMMA, GAMMAS_QUOTA, House, METAL, on_both};

/// Who asks at once.
const CALLERS: usize = 40;

/// How often the race is run.
const ROUNDS: usize = 5;

on_both!(no_node_is_lent_twice);

async fn no_node_is_lent_twice(house: &mut House) -> Result<()> {
    for _ in 0..ROUNDS {
        let (lent, refused) = get_at_once(house, ALPHA, &["count=2"; CALLERS]).await?;
        let hosts: BTreeSet<&String> = lent.iter().flat_map(|(hosts, _)| hosts).collect();
        // All that there are and none twice; nobody was refused for another's lock.
        ensure!(lent.len() == METAL / 2 && hosts.len() == METAL, "{lent:?}");
        ensure!(
            refused
                .iter()
                .all(|why| why == "Insufficient Nodes in READY State"),
            "{refused:?}"
        );
        let held = house.held(ALPHA).await?;
        for (hosts, ssid) in &lent {
            ensure!(hosts.iter().all(|host| held[host] == *ssid), "{held:?}");
            house.done(ALPHA, ssid).await?;
        }
        house.all_ready().await?;
    }
    // In turns.
    for number in 1..=METAL {
        let host = format!("n{number}.dusty");
        ensure!(used(house, &host).await? == i64::try_from(ROUNDS)?);
    }
    Ok(())
}

on_both!(no_quota_is_exceeded_by_many_at_once);

async fn no_quota_is_exceeded_by_many_at_once(house: &mut House) -> Result<()> {
    for _ in 0..ROUNDS {
        let (lent, refused) = get_at_once(house, GAMMA, &["count=1"; CALLERS]).await?;
        ensure!(lent.len() == GAMMAS_QUOTA, "{lent:?}");
        for why in &refused {
            let why: String = serde_json::from_str(why)?;
            ensure!(
                why.starts_with("Failed to allocate nodes: Quota exceeded: "),
                "{why}"
            );
        }
        // Those that grow race just so for what one of them gives back.
        let (_, first) = &lent[0];
        house.done(GAMMA, first).await?;
        let sessions: Vec<String> = lent
            .iter()
            .skip(1)
            .map(|(_, ssid)| format!("count=1&ssid={ssid}"))
            .collect();
        let queries: Vec<&str> = (0..CALLERS)
            .map(|number| sessions[number % sessions.len()].as_str())
            .collect();
        let (grown, _) = get_at_once(house, GAMMA, &queries).await?;
        ensure!(grown.len() == 1, "{grown:?}");
        ensure!(house.held(GAMMA).await?.len() == GAMMAS_QUOTA);
        for (_, ssid) in lent.iter().skip(1) {
            house.done(GAMMA, ssid).await?;
        }
        house.all_ready().await?;
    }
    Ok(())
}

on_both!(a_big_request_is_not_starved_by_small_ones);

async fn a_big_request_is_not_starved_by_small_ones(house: &mut House) -> Result<()> {
    // Small ones take every node, and each takes another as soon as it has given one back.
    let (lent, _) = get_at_once(house, ALPHA, &["count=1"; METAL]).await?;
    ensure!(lent.len() == METAL);
    let all = format!("count={METAL}&wait=60");
    let big = house.nodes(BETA, &all);
    let small = async {
        let waits = async || {
            let dry = format!("/Node/get?key={ALPHA}&dry_run=1");
            let told = house.json(&dry, 200).await.ok()?;
            (told["waiting"] == 1).then_some(())
        };
        eventually(DEADLINE, "the big request to wait", waits).await?;
        let mut taken_before = 0;
        for (_, ssid) in &lent {
            house.done(ALPHA, ssid).await?;
            let (more, _) = get_at_once(house, ALPHA, &["count=1"; 4]).await?;
            taken_before += more.len();
            for (_, ssid) in more {
                house.done(ALPHA, &ssid).await?;
            }
        }
        Ok::<_, anyhow::Error>(taken_before)
    };
    let (big, taken_before) = tokio::join!(big, small);
    let (hosts, ssid) = big?;
    ensure!(hosts.len() == METAL, "{hosts:?}");
    // What is given back is kept for the one that waits.
    let taken_before = taken_before?;
    ensure!(taken_before == 0, "{taken_before}");
    house.done(BETA, &ssid).await?;
    house.all_ready().await
}
