//! What old clients send below the level of parameters.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use muster_testkit::{DEADLINE, eventually};
use muster_tests::client::send;
use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::house::{ALPHA, House, on_both};

const PATIENCE: Duration = Duration::from_secs(10);

on_both!(old_forms_of_http_are_understood);

async fn old_forms_of_http_are_understood(house: &mut House) -> Result<()> {
    // Python 2's urllib: HTTP/1.0, reads until the end of the connection, knows no chunks.
    let old = async |path: &str| -> Result<Value> {
        let request = format!(
            "GET {path} HTTP/1.0\r\nHost: admin.ci.centos.org:8080\r\nUser-Agent: Python-urllib/1.17\r\n\r\n"
        );
        let answer = house.client.raw(request.as_bytes(), PATIENCE).await?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no body")?;
        ensure!(head.starts_with("HTTP/1.0 200 "), "{head}");
        let head = head.to_lowercase();
        ensure!(!head.contains("transfer-encoding"), "{head}");
        ensure!(
            head.contains(&format!("content-length: {}", body.len())),
            "{head}"
        );
        Ok(serde_json::from_str(body)?)
    };
    let lent = old(&format!("/Node/get?key={ALPHA}&ver=7&arch=x86_64&count=2")).await?;
    let ssid = lent["ssid"].as_str().context("no ssid")?;
    ensure!(
        old("/Inventory")
            .await?
            .as_array()
            .is_some_and(|rows| rows.len() == 13)
    );
    let done = old(&format!("/Node/done?key={ALPHA}&ssid={ssid}")).await?;
    ensure!(done == "Done");

    // cico sends a type for the body that it does not have.
    let request = house
        .client
        .anonymous(
            Method::GET,
            &format!("/Node/get?count=1&z=&arch=x86_64&key={ALPHA}&ver=7"),
        )
        .header("Content-Type", "application/json")
        .header("Accept", "application/json")
        .header("User-Agent", "python-cicoclient-wrapper");
    let (status, lent) = send(request).await?.pair()?;
    ensure!(status == 200, "{lent}");
    house
        .done(ALPHA, lent["ssid"].as_str().context("no ssid")?)
        .await?;

    // Looking at a call does nothing, and no call is a POST.
    for (method, path, expected) in [
        (Method::HEAD, format!("/Node/get?key={ALPHA}"), 405),
        (Method::HEAD, "/Inventory".to_owned(), 200),
        (Method::POST, format!("/Node/get?key={ALPHA}"), 405),
        (Method::PUT, "/Inventory".to_owned(), 405),
        (Method::DELETE, format!("/Session/get?key={ALPHA}"), 405),
        (Method::GET, "/Node".to_owned(), 404),
        (Method::GET, "/Node/".to_owned(), 404),
        (Method::GET, "/Session/list".to_owned(), 404),
    ] {
        let answer = send(house.client.anonymous(method.clone(), &path)).await?;
        ensure!(
            answer.status == expected,
            "{method} {path}: {}",
            answer.status
        );
        if expected >= 400 && method != Method::HEAD {
            ensure!(answer.json()?["msg"].is_string(), "{}", answer.text());
        }
    }
    ensure!(house.held(ALPHA).await?.is_empty());
    house.all_ready().await
}

on_both!(without_its_broker_clients_are_told_to_try_again);

/// An answer that is JSON would end their tries.
async fn without_its_broker_clients_are_told_to_try_again(house: &mut House) -> Result<()> {
    let pid = i32::try_from(house.system.nats_pid()?)?;
    let pid = Pid::from_raw(pid).context("no process")?;
    // Stopped, not killed: it would be started again at once.
    kill_process(pid, Signal::STOP)?;
    let answer = house.get(&format!("/Node/get?key={ALPHA}")).await;
    kill_process(pid, Signal::CONT)?;
    let answer = answer?;
    ensure!(
        [503, 504].contains(&answer.status.as_u16()),
        "{} {}",
        answer.status,
        answer.text()
    );
    ensure!(
        answer.header("content-type").starts_with("text/plain"),
        "{answer:?}"
    );
    ensure!(answer.json().is_err(), "{}", answer.text());
    // What was carried out all the same is in a session that the key's owner can see.
    let seen = async || house.held(ALPHA).await.ok();
    let held = eventually(DEADLINE, "the broker", seen).await?;
    for ssid in held.values() {
        house
            .expect(
                &format!("/Node/done?key={ALPHA}&ssid={ssid}"),
                200,
                json!("Done"),
            )
            .await?;
    }
    Ok(())
}
