//! Sessions end in several ways at once, and nodes come and go.

use anyhow::{Context as _, Result, ensure};
use futures_util::future::join_all;
use muster_testkit::{DEADLINE, eventually};
use serde_json::{Value, json};

use super::{get, get_at_once};
use crate::house::{ALPHA, BETA, House, METAL, on_both, short};

/// How often a race is run.
const ROUNDS: usize = 8;

/// As many nodes as a project may keep for a look, unless the site says something else (`api/duffy.md` §1).
const FAILED_NODES: usize = 5;

on_both!(who_ends_a_session_first_does_not_matter);

async fn who_ends_a_session_first_does_not_matter(house: &mut House) -> Result<()> {
    for round in 0..ROUNDS {
        let (hosts, ssid) = house.nodes(ALPHA, "count=2").await?;
        let call = |call: &str, more: &str| format!("/{call}?key={ALPHA}&ssid={ssid}{more}");
        let grow = call("Node/get", "&count=2");
        let shrink = call("Node/done", &format!("&node={}", hosts[0]));
        let mut calls = [
            call("Node/done", ""),
            grow.clone(),
            call("Session/done", ""),
            shrink,
            call("Node/fail", ""),
            grow,
        ];
        // Each is first once.
        let first = round % calls.len();
        calls.rotate_left(first);
        let close = ["session", "close", &ssid];
        let reaper = house.system.cli(&close);
        let calls = calls.iter().map(|path| house.get(path));
        let (answers, _) = tokio::join!(join_all(calls), reaper);
        let mut done = 0;
        for answer in answers {
            let answer = answer?;
            ensure!(
                [200, 403].contains(&answer.status.as_u16()),
                "{} {}",
                answer.status,
                answer.text()
            );
            done += usize::from(answer.text().trim() == "\"Done\"");
        }
        ensure!(done > 0 || round > 0, "somebody ended it");
        // Nothing that came in between has kept a node.
        let ended = async || {
            house.all_ready().await.ok()?;
            house.held(ALPHA).await.ok()?.is_empty().then_some(())
        };
        eventually(DEADLINE, "every node to be ready", ended).await?;
        let over = json!({"msg": "Session not in Prod"});
        for call in ["Node/get", "Node/done"] {
            let path = format!("/{call}?key={ALPHA}&ssid={ssid}");
            house.expect(&path, 200, over.clone()).await?;
        }
        house.all_ready().await?;
    }
    Ok(())
}

on_both!(an_old_done_does_not_touch_who_has_the_node_now);

async fn an_old_done_does_not_touch_who_has_the_node_now(house: &mut House) -> Result<()> {
    let (hosts, old) = house.nodes(ALPHA, &format!("count={METAL}")).await?;
    house.done(ALPHA, &old).await?;
    let (again, new) = house.nodes(ALPHA, &format!("count={METAL}")).await?;
    ensure!(again.len() == hosts.len() && new != old);
    let done = format!("/Node/done?key={ALPHA}&ssid={old}");
    let one = format!("{done}&node={}", hosts[0]);
    for answer in join_all([&done, &one, &done].map(|path| house.get(path))).await {
        let answer = answer?;
        ensure!(answer.status == 200, "{} {}", answer.status, answer.text());
        ensure!(answer.json()? == json!({"msg": "Session not in Prod"}));
    }
    // As in Duffy 2 a session that is over can be failed; it has no nodes then.
    let fail = format!("/Node/fail?key={ALPHA}&ssid={old}");
    house.expect(&fail, 200, json!("Done")).await?;
    let held = house.held(ALPHA).await?;
    ensure!(held.len() == METAL && held.values().all(|ssid| *ssid == new));
    ensure!(house.count("Deployed").await? == METAL);
    Ok(())
}

on_both!(nobody_keeps_more_failed_nodes_than_allowed);

async fn nobody_keeps_more_failed_nodes_than_allowed(house: &mut House) -> Result<()> {
    let (lent, _) = get_at_once(house, ALPHA, &["count=1"; METAL]).await?;
    let fails = lent
        .iter()
        .map(|(_, ssid)| format!("/Node/fail?key={ALPHA}&ssid={ssid}"));
    let fails: Vec<String> = fails.collect();
    let (mut kept, mut refused) = (0, 0);
    for answer in join_all(fails.iter().map(|path| house.get(path))).await {
        let answer = answer?;
        match answer.status.as_u16() {
            200 => kept += 1,
            403 => refused += 1,
            _ => anyhow::bail!("{} {}", answer.status, answer.text()),
        }
    }
    ensure!(
        kept == FAILED_NODES && refused == METAL - FAILED_NODES,
        "{kept} kept, {refused} refused"
    );
    ensure!(house.count("Fail").await? == FAILED_NODES);
    // They count like any other that is lent, are seen, and can be given back.
    ensure!(house.held(ALPHA).await?.len() == METAL);
    for (_, ssid) in &lent {
        house.done(ALPHA, ssid).await?;
    }
    house.all_ready().await
}

on_both!(a_name_comes_back);

async fn a_name_comes_back(house: &mut House) -> Result<()> {
    let cli = async |arguments: &[&str]| {
        let output = house.system.cli(arguments).await?;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        Ok::<_, anyhow::Error>((output.status.success(), told))
    };
    // A node that failed keeps its name, and its address, until it is put back into service: as often as that happens.
    for round in 0..3 {
        let (hosts, ssid) = house.nodes(ALPHA, "flavor=large&ver=9-stream").await?;
        let host = short(&hosts[0]);
        let (done, told) = cli(&["node", "set-state", host, "failed"]).await?;
        ensure!(!done, "it is lent: {told}");
        house.done(ALPHA, &ssid).await?;
        let reason = format!("disk {round}");
        let (done, told) = cli(&["node", "set-state", host, "failed", "--reason", &reason]).await?;
        ensure!(done, "{told}");
        let rows = house.inventory().await?;
        ensure!(rows[host][5] == "Failed" && rows[host][6] == *reason);
        house
            .text(
                &format!("/Node/get?key={ALPHA}&flavor=large&ver=9-stream"),
                "Insufficient Nodes in READY State",
            )
            .await?;
        // Another of that name, or of one that clients take for it, is not let in.
        let (done, told) = cli(&[
            "node",
            "add",
            host,
            "--pool",
            "metal-7-x86_64",
            "--ip",
            "172.19.9.9",
        ])
        .await?;
        ensure!(!done, "{told}");
        let (done, told) = cli(&["node", "set-state", host, "ready"]).await?;
        ensure!(done, "{told}");
    }
    house.all_ready().await
}

/// A pool whose sessions live for a second, at the end of the rules.
const SHORT: &str = "rate_limit = 0\n[[pool]]\nname = \"short\"\nversion = \"5\"\narch = \"x86_64\"\nlifetime = \"1s\"\n\
     [[node]]\nhostname = \"s[1-4].short\"\npool = \"short\"\nip = \"172.19.6.1\"\n";

on_both!(a_session_ends_when_its_time_is_over, super::SHORT);

async fn a_session_ends_when_its_time_is_over(house: &mut House) -> Result<()> {
    let before = ready(house).await?;
    for _ in 0..3 {
        let (lent, _) = get_at_once(house, ALPHA, &["ver=5"; 4]).await?;
        ensure!(lent.len() == 4, "{lent:?}");
        let sessions = house.json("/api/v1/sessions", 200).await?;
        for session in sessions["sessions"].as_array().context("no list")? {
            // Of this hour, not of the year 2081.
            let (from, until) = (&session["created_at"], &session["expires_at"]);
            let (from, until) = (from.as_str(), until.as_str());
            ensure!(
                from.is_some()
                    && from < until
                    && from.map(|at| &at[..13]) <= until.map(|at| &at[..13])
            );
        }
        // One is given back, one grows, and the time of all is over meanwhile.
        let races = (0..).zip(&lent);
        let races = races.map(|(number, (_, ssid))| until_over(house, number, ssid));
        for ended in join_all(races).await {
            ended?;
        }
        ensure!(ready(house).await? == before);
    }
    // What has no nodes has no end.
    let opened: Value = house.json(&format!("/Session/get?key={BETA}"), 200).await?;
    let ssid = opened["ssid"].as_str().context("no ssid")?;
    house.done(BETA, ssid).await
}

/// Waits for the end of a session, and does something about it at every look.
async fn until_over(house: &House, number: usize, ssid: &str) -> Result<()> {
    let is_over = async || {
        let held = house.held(ALPHA).await.ok()?;
        if !held.values().any(|held| held == ssid) {
            return Some(());
        }
        if number == 0 {
            let path = format!("/Node/done?key={ALPHA}&ssid={ssid}");
            house.get(&path).await.ok()?;
        } else if number == 1 {
            get(house, ALPHA, &format!("ver=5&ssid={ssid}"))
                .await
                .ok()?;
        }
        None
    };
    eventually(DEADLINE, "the session to end", is_over).await
}

async fn ready(house: &House) -> Result<usize> {
    house.count("Ready").await
}
