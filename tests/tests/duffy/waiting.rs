//! Waiting for nodes instead of being refused.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};
use muster_testkit::{DEADLINE, eventually};
use muster_tests::{Engine, Process};
use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::house::{self, ALPHA, BETA, GAMMA, House, METAL, on_both};

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

/// Requests in the queue.
async fn waiting(house: &House) -> Result<u64> {
    let path = format!("/Node/get?key={BETA}&dry_run=1");
    let told = house.json(&path, 200).await?;
    told["waiting"].as_u64().context("no number")
}

/// Waits until as many wait.
async fn until_waiting(house: &House, number: u64) -> Result<()> {
    let as_many = async || waiting(house).await.ok().filter(|found| *found == number);
    eventually(DEADLINE, "requests in the queue", as_many).await?;
    Ok(())
}

/// A client that has sent its request and listens.
async fn client_that_waits(house: &House, request: &str) -> Result<TcpStream> {
    let before = waiting(house).await?;
    let mut connection = house.client.connect().await?;
    connection.write_all(request.as_bytes()).await?;
    until_waiting(house, before + 1).await?;
    Ok(connection)
}

fn get(query: &str) -> String {
    format!("GET /Node/get?{query} HTTP/1.1\r\nHost: muster\r\n\r\n")
}

on_both!(a_client_that_goes_away_leaves_the_queue);

async fn a_client_that_goes_away_leaves_the_queue(house: &mut House) -> Result<()> {
    let (_, most) = house.nodes(ALPHA, &format!("count={}", METAL - 1)).await?;
    // Everything is kept back for it, since it is the first in line.
    let request = get(&format!("key={BETA}&wait=300&count={METAL}"));
    let large = client_that_waits(house, &request).await?;
    let small = house.nodes(GAMMA, "wait=300");
    let leaving = async {
        until_waiting(house, 2).await?;
        drop(large);
        Ok(())
    };
    let (got, left): (_, Result<()>) = tokio::join!(small, leaving);
    left?;
    let (_, small) = got?;
    ensure!(waiting(house).await? == 0);

    // The same by release 3, whose POST has a body.
    let body = json!({"nodes_specs": [{"pool": "metal-7-x86_64", "quantity": METAL}], "wait": 300});
    let (body, who) = (body.to_string(), BASE64.encode(format!("beta:{BETA}")));
    let request = format!(
        "POST /api/v1/sessions HTTP/1.1\r\nHost: muster\r\nAuthorization: Basic {who}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let modern = client_that_waits(house, &request).await?;
    drop(modern);
    until_waiting(house, 0).await?;

    // One that grows a session keeps what it has, also if it only stops to listen.
    let (_, ssid) = house.nodes(BETA, "min=0").await?;
    let request = get(&format!("key={BETA}&wait=300&count={METAL}&ssid={ssid}"));
    let mut growing = client_that_waits(house, &request).await?;
    growing.shutdown().await?;
    until_waiting(house, 0).await?;
    house.done(GAMMA, &small).await?;
    house.nodes(BETA, &format!("ssid={ssid}")).await?;

    for (key, ssid) in [(BETA, &ssid), (ALPHA, &most)] {
        house.done(key, ssid).await?;
    }
    // Of those that left there is nothing any more but their names.
    let all = house.system.cli(&["session", "list", "--json"]).await?;
    ensure!(all.stdout.is_empty(), "{all:?}");
    house.all_ready().await
}

on_both!(a_client_with_a_key_may_come_back);

async fn a_client_with_a_key_may_come_back(house: &mut House) -> Result<()> {
    let (_, all) = house.nodes(ALPHA, &format!("count={METAL}")).await?;
    let query = format!("key={BETA}&wait=300&count=2&req=once");
    drop(client_that_waits(house, &get(&query)).await?);
    // A cancellation would come before this one's end.
    let request = get(&format!("key={GAMMA}&wait=300"));
    drop(client_that_waits(house, &request).await?);
    until_waiting(house, 1).await?;

    house.done(ALPHA, &all).await?;
    let answer = house.json(&format!("/Node/get?{query}"), 200).await?;
    ensure!(
        answer["hosts"]
            .as_array()
            .is_some_and(|hosts| hosts.len() == 2),
        "{answer}"
    );
    let ssid = answer["ssid"].as_str().context("no ssid")?;
    house.done(BETA, ssid).await?;
    house.all_ready().await
}

/// Nobody is left to say that the client is gone: the request waits as long as it was to wait, and not for ever.
async fn an_ingress_that_is_killed_leaves_no_waiter_for_ever(engine: Engine) -> Result<()> {
    let body = async |house: &mut House| {
        let (_, all) = house.nodes(ALPHA, &format!("count={METAL}")).await?;
        let began = Instant::now();
        let client = client_that_waits(house, &get(&format!("key={BETA}&wait=10"))).await?;
        house.system.restart(Process::Ingress).await?;
        drop(client);
        until_waiting(house, 0).await?;
        ensure!(began.elapsed().as_secs() >= 10, "{:?}", began.elapsed());
        house.done(ALPHA, &all).await?;
        ensure!(house.held(BETA).await?.is_empty());
        house.all_ready().await
    };
    house::run_parts(engine, "an_ingress_that_is_killed", "rate_limit = 0", body).await
}

#[tokio::test]
async fn an_ingress_that_is_killed_on_sqlite() -> Result<()> {
    an_ingress_that_is_killed_leaves_no_waiter_for_ever(Engine::Sqlite).await
}

#[tokio::test]
async fn an_ingress_that_is_killed_on_postgresql() -> Result<()> {
    an_ingress_that_is_killed_leaves_no_waiter_for_ever(Engine::Postgres).await
}
