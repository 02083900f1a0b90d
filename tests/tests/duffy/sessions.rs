//! The four calls that were announced in 2015: sessions that grow, shrink, and have an alias.

use anyhow::{Result, ensure};
use muster_testkit::{DEADLINE, eventually};
use muster_tests::{jobs, site};
use serde_json::{Value, json};

use crate::house::{ALPHA, BETA, House, NOBODY, on_both, short};

on_both!(a_session_grows_and_shrinks);

async fn a_session_grows_and_shrinks(house: &mut House) -> Result<()> {
    let opened = house
        .json(&format!("/Session/get?key={ALPHA}&alias=storage"), 200)
        .await?;
    ensure!(opened["hosts"] == json!([]), "{opened}");
    let ssid = opened["ssid"].as_str().unwrap_or_default();
    ensure!(ssid.len() == 36, "{opened}");

    // Id and alias mean the same; an answer has the id and what is new.
    let (first, by_id) = house.nodes(ALPHA, &format!("ssid={ssid}&count=2")).await?;
    let (second, by_alias) = house.nodes(ALPHA, "count=1&ssid=storage").await?;
    ensure!(by_id == ssid && by_alias == ssid, "{by_id} {by_alias}");
    ensure!(first.len() == 2 && second.len() == 1 && !first.contains(&second[0]));
    let held = house.held(ALPHA).await?;
    ensure!(
        held.len() == 3 && held.values().all(|held| held == ssid),
        "{held:?}"
    );

    // One node by its short name, one by its full name.
    for node in [short(&first[0]), &second[0]] {
        let path = format!("/Node/done?key={ALPHA}&ssid=storage&node={node}");
        house.expect(&path, 200, json!("Done")).await?;
        ensure!(!house.held(ALPHA).await?.contains_key(short(node)));
        ensure!(house.inventory().await?[short(node)][5] == "Ready");
        let again = house.json(&path, 403).await?;
        ensure!(again == json!({"msg": "Invalid node"}), "{again}");
    }
    // An empty variable, or another's node, ends nothing.
    for node in ["", "n1", "%25", "l1.large", "%00"] {
        let path = format!("/Node/done?key={ALPHA}&ssid=storage&node={node}");
        house
            .expect(&path, 403, json!({"msg": "Invalid node"}))
            .await?;
    }
    ensure!(house.held(ALPHA).await?.len() == 1);

    house
        .expect(
            &format!("/Session/done?key={ALPHA}&ssid=storage"),
            200,
            json!("Done"),
        )
        .await?;
    house.all_ready().await?;
    // The alias means nothing any more, the id a session that is over.
    house
        .expect(
            &format!("/Session/done?key={ALPHA}&ssid=storage"),
            403,
            json!({"msg": "Invalid session ID"}),
        )
        .await?;
    for call in ["Session/done", "Node/done", "Node/get"] {
        let path = format!("/{call}?key={ALPHA}&ssid={ssid}");
        let over = json!({"msg": "Session not in Prod"});
        house.expect(&path, 200, over).await?;
    }
    house.all_ready().await
}

on_both!(an_alias_is_its_projects_own);

async fn an_alias_is_its_projects_own(house: &mut House) -> Result<()> {
    let get = |key: &str, alias: &str| format!("/Session/get?key={key}&alias={alias}");
    let first = house.json(&get(ALPHA, "nightly%20%26%20co"), 200).await?;
    house
        .expect(
            &get(ALPHA, "nightly%20%26%20co"),
            409,
            json!({"msg": "Alias already in use", "ssid": first["ssid"]}),
        )
        .await?;
    let other = house.json(&get(BETA, "nightly%20%26%20co"), 200).await?;
    ensure!(other["ssid"] != first["ssid"]);
    // Beta's own session grows, not alpha's.
    let (_, ssid) = house.nodes(BETA, "ssid=nightly%20%26%20co").await?;
    ensure!(other["ssid"] == *ssid);
    ensure!(house.held(ALPHA).await?.is_empty());

    let id = first["ssid"].as_str().unwrap_or_default();
    let long = "x".repeat(256);
    for alias in [
        "",
        id,
        "00000000-0000-0000-0000-000000000000",
        &long,
        "a%00",
        "a%0Ab",
    ] {
        let answer = house.json(&get(ALPHA, alias), 400).await?;
        ensure!(answer["msg"].is_string(), "{alias}: {answer}");
    }
    // Once its session is over it can be used again.
    let done = format!("/Session/done?key={ALPHA}&ssid=nightly%20%26%20co");
    house.expect(&done, 200, json!("Done")).await?;
    let again = house.json(&get(ALPHA, "nightly%20%26%20co"), 200).await?;
    ensure!(again["ssid"] != first["ssid"]);
    // A session made by the old call can be grown too, and ended by either call.
    let (_, ssid) = house.nodes(ALPHA, "").await?;
    house.nodes(ALPHA, &format!("ssid={ssid}")).await?;
    house
        .expect(
            &format!("/Session/done?key={ALPHA}&ssid={ssid}"),
            200,
            json!("Done"),
        )
        .await?;
    house.done(ALPHA, "nightly%20%26%20co").await
}

on_both!(a_key_of_nobodys_and_anothers_session);

async fn a_key_of_nobodys_and_anothers_session(house: &mut House) -> Result<()> {
    let opened = house
        .json(&format!("/Session/get?key={ALPHA}"), 200)
        .await?;
    let ssid = opened["ssid"].as_str().unwrap_or_default();
    house
        .text(
            &format!("/Node/get?key={NOBODY}&ssid={ssid}"),
            "Invalid duffy key",
        )
        .await?;
    house
        .expect(
            &format!("/Node/get?key={BETA}&ssid={ssid}"),
            403,
            json!({"msg": "Invalid duffy key"}),
        )
        .await?;
    for ssid in ["", "nobodys", "0199c1a2-7c1e-7d3c-9f57-2b1e5a0c6f11"] {
        let path = format!("/Node/get?key={ALPHA}&ssid={ssid}");
        let invalid = json!({"msg": "Invalid session ID"});
        house.expect(&path, 403, invalid).await?;
    }
    house.all_ready().await
}

on_both!(the_same_call_again_gets_the_same_answer);

async fn the_same_call_again_gets_the_same_answer(house: &mut House) -> Result<()> {
    let path = format!("/Node/get?key={ALPHA}&count=2&req=build-7");
    let first = house.json(&path, 200).await?;
    // Neither the order of parameters nor one that nobody knows matters.
    let reordered = format!("/Node/get?req=build-7&x=1&count=2&key={ALPHA}");
    ensure!(house.json(&reordered, 200).await? == first);
    ensure!(house.held(ALPHA).await?.len() == 2);
    // Another call cannot have that word, another project can.
    for other in [
        format!("/Node/get?key={ALPHA}&count=1&req=build-7"),
        format!("/Session/get?key={ALPHA}&req=build-7"),
    ] {
        let answer = house.json(&other, 422).await?;
        ensure!(answer["msg"].is_string(), "{answer}");
    }
    let betas = house
        .json(&format!("/Node/get?key={BETA}&count=2&req=build-7"), 200)
        .await?;
    ensure!(betas["ssid"] != first["ssid"]);
    // Growing twice with one word is growing once.
    let ssid = first["ssid"].as_str().unwrap_or_default();
    let grow = format!("/Node/get?key={ALPHA}&ssid={ssid}&req=build-8");
    let grown = house.json(&grow, 200).await?;
    ensure!(house.json(&grow, 200).await? == grown);
    ensure!(house.held(ALPHA).await?.len() == 3);
    house.done(ALPHA, ssid).await
}

on_both!(a_session_ends_with_its_job);

async fn a_session_ends_with_its_job(house: &mut House) -> Result<()> {
    let archive = house.system.client(site::ALPHA_API)?;
    let (status, answer) = archive.start_job(&jobs::start(7)).await?;
    ensure!(status == 201, "{answer}");
    let path = format!(
        "/Session/get?key={ALPHA}&alias=job7&job={}:7",
        site::TEST_CLUSTER
    );
    let opened = house.json(&path, 200).await?;
    let (_, ssid) = house.nodes(ALPHA, "ssid=job7&count=2").await?;
    ensure!(opened["ssid"] == *ssid);
    // One of the old call too, and one of another job, which stays.
    house
        .nodes(ALPHA, &format!("job={}:7", site::TEST_CLUSTER))
        .await?;
    let (_, other) = house
        .nodes(ALPHA, &format!("job={}:8", site::TEST_CLUSTER))
        .await?;
    ensure!(house.held(ALPHA).await?.len() == 4);
    let (status, answer) = archive.stop_job(&jobs::stop(7)).await?;
    ensure!(status == 200, "{answer}");
    let only_the_other = async || {
        let held = house.held(ALPHA).await.ok()?;
        (held.len() == 1 && held.values().all(|held| *held == other)).then_some(())
    };
    eventually(DEADLINE, "the job's sessions to end", only_the_other).await?;
    let answer: Value = house
        .json(&format!("/Session/done?key={ALPHA}&ssid={ssid}"), 200)
        .await?;
    ensure!(answer == json!({"msg": "Session not in Prod"}), "{answer}");
    house.done(ALPHA, &other).await
}
