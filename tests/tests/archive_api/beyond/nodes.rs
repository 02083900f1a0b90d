//! Clusters, nodes and machines.

use anyhow::{Context, Result, ensure};
use muster_tests::{client::send, site};
use reqwest::Method;
use serde_json::{Value, json};

use super::{expect, refused};
use crate::house::{House, ask};

pub(super) async fn clusters(house: &House) -> Result<()> {
    let all = expect(
        &house
            .ask(Method::GET, "/api/clusters/", &Value::Null)
            .await?,
        200,
    )?;
    let shown = all["clusters"].as_array().context("no clusters")?;
    ensure!(
        shown
            .iter()
            .any(|cluster| cluster["name"] == site::TEST_CLUSTER),
        "{all}"
    );
    let path = format!("/api/clusters/?cluster={}", site::TEST_CLUSTER);
    let one = expect(&house.ask(Method::GET, &path, &Value::Null).await?, 200)?;
    ensure!(
        one["clusters"][0]["subClusters"][0]["nodes"] == "t[001-100]",
        "{one}"
    );
    refused(
        &house
            .ask(Method::GET, "/api/clusters/?cluster=nowhere", &Value::Null)
            .await?,
        400,
        "unknown cluster: nowhere",
    )?;
    // How cc-docker finds out whether the server is there.
    let head = house
        .ask(Method::HEAD, "/api/clusters/", &Value::Null)
        .await?;
    ensure!(
        head.status == 200 && head.body.is_empty(),
        "{}",
        head.status
    );
    Ok(())
}

pub(super) async fn nodes(house: &House) -> Result<()> {
    let job = house
        .running(&json!({ "resources": [{ "hostname": "t077" }] }))
        .await?;
    let used = |before: i64| format!("/api/jobs/used_nodes?ts={before}");
    let nodes = expect(
        &house
            .ask(Method::GET, &used(job.start_time + 1), &Value::Null)
            .await?,
        200,
    )?;
    let names = nodes["usedNodes"][site::TEST_CLUSTER]
        .as_array()
        .context("no nodes")?
        .clone();
    ensure!(names.contains(&json!("t077")), "{nodes}");
    let nodes = expect(
        &house
            .ask(Method::GET, &used(job.start_time), &Value::Null)
            .await?,
        200,
    )?;
    ensure!(!nodes.to_string().contains("t077"), "{nodes}");
    refused(
        &house
            .ask(Method::GET, "/api/jobs/used_nodes", &Value::Null)
            .await?,
        400,
        "missing required query parameter",
    )?;

    let report = json!({ "cluster": site::TEST_CLUSTER, "nodes": [
        { "hostname": "t001", "states": ["MIXED", "ALLOCATED"], "cpusAllocated": 4, "memoryAllocated": 100, "gpusAllocated": 0, "jobsRunning": 2 },
        { "hostname": "nobody", "states": ["idle"] },
    ]});
    let answer = house.ask(Method::POST, "/api/nodestate/", &report).await?;
    ensure!(
        answer.status == 200 && answer.body.is_empty(),
        "{} {}",
        answer.status,
        answer.text()
    );
    let known = expect(
        &house
            .ask(Method::GET, "/api/nodestate/?cluster=test", &Value::Null)
            .await?,
        200,
    )?;
    ensure!(
        known["nodes"].as_array().map(Vec::len) == Some(1)
            && known["nodes"][0]["state"] == "allocated"
            && known["nodes"][0]["jobsRunning"] == 2,
        "{known}"
    );
    let none = ask(
        &house.stranger()?,
        Method::GET,
        "/api/nodestate/",
        &Value::Null,
    )
    .await?;
    ensure!(
        expect(&none, 200)? == json!({ "nodes": [] }),
        "{}",
        none.text()
    );
    let elsewhere = json!({ "cluster": "nowhere", "nodes": [] });
    refused(
        &house
            .ask(Method::POST, "/api/nodestate/", &elsewhere)
            .await?,
        400,
        "no such cluster",
    )?;
    refused(
        &house
            .ask(Method::PUT, "/api/nodestate/", &json!({ "node": 1 }))
            .await?,
        400,
        "unknown field",
    )
}

pub(super) async fn machines(house: &House) -> Result<()> {
    let path = "/api/machine_state/test/t001";
    refused(
        &house.ask(Method::GET, path, &Value::Null).await?,
        404,
        "nothing is known",
    )?;
    let state = json!({ "kernel": "6.1", "a": [1, null] });
    let answer = house.ask(Method::PUT, path, &state).await?;
    ensure!(answer.status == 201, "{} {}", answer.status, answer.text());
    let shown = expect(&house.ask(Method::GET, path, &Value::Null).await?, 200)?;
    ensure!(shown == state, "{shown}");
    refused(
        &ask(&house.stranger()?, Method::GET, path, &Value::Null).await?,
        404,
        "nothing is known",
    )?;
    refused(
        &house
            .ask(Method::PUT, "/api/machine_state/test/nobody", &state)
            .await?,
        400,
        "invalid host name",
    )?;
    refused(
        &house
            .ask(
                Method::PUT,
                "/api/machine_state/..%2F..%2Fetc/passwd",
                &state,
            )
            .await?,
        400,
        "invalid cluster name",
    )?;
    let request = house.alpha.request(Method::PUT, path).body("no JSON");
    refused(&send(request).await?, 400, "the body is no JSON")
}
