//! Clients that go away, ask again, guess, and choose the same name.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use futures_util::future::join_all;
use muster_testkit::{DEADLINE, eventually};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use super::{Lent, get, get_at_once};
use crate::house::{ALPHA, BETA, House, METAL, on_both};

/// How often the race is run.
const ROUNDS: usize = 10;

/// Who asks at once.
const CALLERS: usize = 20;

on_both!(nodes_of_a_client_that_went_away_are_in_its_inventory);

async fn nodes_of_a_client_that_went_away_are_in_its_inventory(house: &mut House) -> Result<()> {
    for round in 0..ROUNDS {
        let mut connection = house.client.connect().await?;
        let request = format!("GET /Node/get?key={ALPHA}&count=2 HTTP/1.1\r\nHost: x\r\n\r\n");
        connection.write_all(request.as_bytes()).await?;
        if round % 2 == 0 {
            // It is on its way at least.
            let taken = async || (!house.held(ALPHA).await.ok()?.is_empty()).then_some(());
            eventually(DEADLINE, "the nodes to be lent", taken).await?;
        }
        drop(connection);
        // It may have gone before its request was read; then there is nothing to give back.
        let (_, after) = house.nodes(BETA, "count=1").await?;
        let held = house.held(ALPHA).await?;
        ensure!(held.is_empty() || held.len() == 2, "{held:?}");
        for ssid in held.values().collect::<BTreeSet<_>>() {
            house.done(ALPHA, ssid).await?;
        }
        house.done(BETA, &after).await?;
        let settled = async || {
            let held = house.held(ALPHA).await.ok()?;
            for ssid in held.values().collect::<BTreeSet<_>>() {
                house.done(ALPHA, ssid).await.ok()?;
            }
            house.all_ready().await.ok()
        };
        eventually(DEADLINE, "every node to be ready", settled).await?;
    }
    Ok(())
}

on_both!(tries_under_one_word_are_one_request);

async fn tries_under_one_word_are_one_request(house: &mut House) -> Result<()> {
    for round in 0..ROUNDS {
        let query = format!("count=2&req=round-{round}");
        // Some of them do not wait for the answer.
        for _ in 0..3 {
            let mut connection = house.client.connect().await?;
            let request = format!("GET /Node/get?key={ALPHA}&{query} HTTP/1.1\r\nHost: x\r\n\r\n");
            connection.write_all(request.as_bytes()).await?;
        }
        let (lent, refused) = get_at_once(house, ALPHA, &[query.as_str(); CALLERS]).await?;
        ensure!(refused.is_empty(), "{refused:?}");
        ensure!(lent.iter().all(|one| *one == lent[0]), "{lent:?}");
        let (_, ssid) = &lent[0];
        ensure!(house.held(ALPHA).await?.len() == 2);
        let grow = format!("count=1&ssid={ssid}&req=more-{round}");
        let (grown, _) = get_at_once(house, ALPHA, &[grow.as_str(); CALLERS]).await?;
        ensure!(grown.len() == CALLERS && grown.iter().all(|one| *one == grown[0]));
        ensure!(house.held(ALPHA).await?.len() == 3);
        let done = format!("/Node/done?key={ALPHA}&ssid={ssid}&req=end-{round}");
        for answer in join_all((0..CALLERS).map(|_| house.json(&done, 200))).await {
            ensure!(answer? == json!("Done"));
        }
        house.all_ready().await?;
        // Long after: the answer of then, and no nodes.
        ensure!(get(house, ALPHA, &query).await? == Lent::Nodes(lent[0].0.clone(), ssid.clone()));
        house.all_ready().await?;
    }
    Ok(())
}

on_both!(an_ssid_is_no_key);

async fn an_ssid_is_no_key(house: &mut House) -> Result<()> {
    let path = format!("/Session/get?key={ALPHA}");
    let mut ids = BTreeSet::new();
    for opened in join_all((0..CALLERS * 5).map(|_| house.json(&path, 200))).await {
        let opened = opened?;
        let ssid = opened["ssid"].as_str().context("no ssid")?;
        ensure!(
            uuid::Uuid::try_parse(ssid).is_ok() && ssid.len() == 36,
            "{ssid}"
        );
        ids.insert(ssid.to_owned());
    }
    ensure!(ids.len() == CALLERS * 5);
    // Everybody sees the ssid in the inventory, and can do nothing with it.
    let (hosts, ssid) = house.nodes(ALPHA, "count=1").await?;
    let rows = house.inventory().await?;
    ensure!(rows.values().any(|row| row[6] == *ssid));
    for call in ["Node/done", "Node/fail", "Session/done", "Node/get"] {
        for more in ["", "&node=n1.dusty", &format!("&node={}", hosts[0])] {
            let path = format!("/{call}?key={BETA}&ssid={ssid}{more}");
            let refusal = json!({"msg": "Invalid duffy key"});
            house.expect(&path, 403, refusal).await?;
        }
    }
    ensure!(house.held(ALPHA).await?.len() == 1);
    house.done(ALPHA, &ssid).await?;
    house.all_ready().await
}

on_both!(of_many_who_want_an_alias_one_gets_it);

async fn of_many_who_want_an_alias_one_gets_it(house: &mut House) -> Result<()> {
    let path = format!("/Session/get?key={ALPHA}&alias=nightly");
    let mut before = BTreeSet::new();
    for _ in 0..ROUNDS {
        let (mut opened, mut refused) = (Vec::new(), Vec::new());
        for answer in join_all((0..CALLERS).map(|_| house.get(&path))).await {
            let answer = answer?;
            let ssid = answer.json()?["ssid"].as_str().map(str::to_owned);
            let ssid = ssid.with_context(|| answer.text())?;
            match answer.status.as_u16() {
                200 => opened.push(ssid),
                409 => refused.push(ssid),
                _ => anyhow::bail!("{} {}", answer.status, answer.text()),
            }
        }
        // Those who are refused are told who has it.
        ensure!(
            opened.len() == 1 && refused.iter().all(|ssid| *ssid == opened[0]),
            "{opened:?} {refused:?}"
        );
        // Nobody ever gets the session of an earlier round under the same name.
        ensure!(before.insert(opened[0].clone()));
        // An id is never an alias.
        let path = format!("/Session/get?key={BETA}&alias={}", opened[0]);
        house.json(&path, 400).await?;
        // Whoever grows by the alias while the session ends grows this one, or none: the alias may have gone first.
        let grow = format!("/Node/get?key={ALPHA}&ssid=nightly&count=1&min=0");
        let done = format!("/Session/done?key={ALPHA}&ssid=nightly");
        let (grown, ended) = tokio::join!(house.get(&grow), house.get(&done));
        ensure!([200, 403].contains(&grown?.status.as_u16()));
        ensure!(ended?.text().trim() == "\"Done\"");
        house.all_ready().await?;
    }
    ensure!(house.held(ALPHA).await?.is_empty());
    let (lent, _) = get_at_once(house, ALPHA, &["count=1"; METAL]).await?;
    ensure!(lent.len() == METAL);
    Ok(())
}
