//! Liberties that real clients take and that are taken from them: none of these is bad input.

mod lists;
mod rules;

use anyhow::{Context, Result, ensure};
use muster_tests::{
    Client, Engine, System, SystemOptions,
    client::send,
    jobs::{self, START_TIME},
    site, token,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::case::{START, STOP, check_form, text_with};

#[tokio::test]
async fn liberties_on_sqlite() -> Result<()> {
    liberties(Engine::Sqlite).await
}

#[tokio::test]
async fn liberties_on_postgresql() -> Result<()> {
    liberties(Engine::Postgres).await
}

async fn liberties(engine: Engine) -> Result<()> {
    if !engine.is_available("what real clients send") {
        return Ok(());
    }
    let system = System::up(SystemOptions::new(engine)).await?;
    let client = system.alpha()?;
    bodies(&client).await?;
    requests(&client).await?;
    rules::follow(&client).await?;
    lists::read(&client).await?;
    lists::tenants(&system).await?;
    lists::keys(&client).await?;
    long_texts(&client).await
}

/// The one job of this number, as listed.
async fn listed(client: &Client, job_id: i64) -> Result<Value> {
    let jobs = client.jobs("items-per-page=-1&with-metadata").await?;
    let mut found = jobs.into_iter().filter(|job| job["jobId"] == job_id);
    let job = found.next().with_context(|| format!("no job {job_id}"))?;
    ensure!(found.next().is_none(), "two jobs {job_id}");
    Ok(job)
}

async fn posted(client: &Client, body: Vec<u8>) -> Result<Value> {
    let answer = send(client.request(Method::POST, START).body(body)).await?;
    ensure!(answer.status == 201, "{}", answer.text());
    answer.json()
}

async fn started(client: &Client, job_id: i64, changes: &Value) -> Result<Value> {
    let body = jobs::with(jobs::start(job_id), changes);
    let (status, answer) = client.start_job(&body).await?;
    ensure!(status == 201, "{changes}: {status} {answer}");
    Ok(answer)
}

/// How Go reads JSON.
async fn bodies(client: &Client) -> Result<()> {
    // Whatever the case of names.
    let upper = r#"{"JOBID": 1, "USER": "alice", "Project": "physics", "cLuster": "test", "starttime": 1700000000,
        "NUMNODES": 1, "Resources": [{"HostName": "t001", "HWTHREADS": [1]}], "metadata": {"jobName": "a", "JobName": "b"}}"#;
    posted(client, upper.into()).await?;
    let job = listed(client, 1).await?;
    ensure!(
        job["resources"] == json!([{ "hostname": "t001", "hwthreads": [1] }]),
        "{job}"
    );
    ensure!(
        job["metaData"] == json!({ "jobName": "a", "JobName": "b" }),
        "{job}"
    );

    // null is absence.
    let nulls = json!({ "jobId": 2, "user": "alice", "project": null, "cluster": "test", "subCluster": null,
        "partition": null, "arrayJobId": null, "numNodes": 1, "numHwthreads": null, "numAcc": null, "exclusive": null,
        "shared": null, "monitoringStatus": null, "smt": null, "jobState": null, "duration": null, "walltime": null,
        "startTime": START_TIME, "resources": [{ "hostname": "t001", "hwthreads": null, "accelerators": null }],
        "metaData": null, "tags": null, "statistics": null, "energy": null, "footprint": null, "energyFootprint": null,
        "concurrentJobs": { "items": null, "count": 0 }, "id": null, "submitTime": null, "requestedMemory": null });
    posted(client, nulls.to_string().into()).await?;
    let job = listed(client, 2).await?;
    ensure!(
        job["jobState"] == "running" && job["subCluster"] == "main",
        "{job}"
    );
    ensure!(
        job["exclusive"] == 1 && job["monitoringStatus"] == 1,
        "{job}"
    );

    // Of a repeated member the last counts, also in other letters; null after a value changes nothing.
    let body = jobs::start(3).to_string();
    let repeated = body.replacen('{', r#"{"user": 7e0, "project": "a", "#, 1);
    let answer = send(client.request(Method::POST, START).body(repeated)).await?;
    ensure!(
        answer.status == 400,
        "a wrong type stays wrong: {}",
        answer.text()
    );
    let repeated = body
        .replacen('{', r#"{"user": "bob", "PROJECT": "a", "#, 1)
        .replacen("\"startTime\"", "\"user\": null, \"startTime\"", 1);
    posted(client, repeated.into()).await?;
    let job = listed(client, 3).await?;
    ensure!(
        job["user"] == "alice" && job["project"] == "physics",
        "{job}"
    );

    // What follows the first value is ignored.
    let body = jobs::start(4).to_string();
    posted(client, format!(" \n{body} }}}} {{\"jobId\": 99").into()).await?;
    listed(client, 4).await?;

    // What is no UTF-8 becomes U+FFFD, and so does half a surrogate pair.
    let body = jobs::with(jobs::start(5), &json!({ "project": "@" }));
    posted(client, text_with(&body, b"\"a\xffb\\ud800c\"")).await?;
    ensure!(listed(client, 5).await?["project"] == "a\u{fffd}b\u{fffd}c");

    // Extreme numbers that fit.
    for (job_id, start_time) in [(i64::MAX, i64::MAX), (i64::MIN, i64::MIN), (0, 0), (-6, -1)] {
        started(
            client,
            job_id,
            &json!({ "startTime": start_time, "walltime": i64::MAX }),
        )
        .await?;
        let job = listed(client, job_id).await?;
        ensure!(
            job["startTime"] == start_time && job["walltime"] == i64::MAX,
            "{job}"
        );
    }
    Ok(())
}

/// Methods, slashes, content types, ways to send the token.
async fn requests(client: &Client) -> Result<()> {
    let mut job_id = 100;
    for (method, path) in [
        (Method::POST, START),
        (Method::PUT, START),
        (Method::POST, START.trim_end_matches('/')),
        (Method::PUT, START.trim_end_matches('/')),
    ] {
        job_id += 1;
        let body = jobs::start(job_id).to_string();
        let answer = send(client.request(method.clone(), path).body(body)).await?;
        ensure!(answer.status == 201, "{method} {path}: {}", answer.text());
        ensure!(answer.json()?["id"].is_i64(), "{}", answer.text());
        ensure!(
            answer.header("Content-Type") == "application/json",
            "{:?}",
            answer.headers
        );
        let stop = path.replace("start_job", "stop_job");
        let body = jobs::stop(job_id).to_string();
        let answer = send(client.request(method.clone(), &stop).body(body)).await?;
        ensure!(answer.status == 200, "{method} {stop}: {}", answer.text());
    }
    for ending in ["", "/"] {
        job_id += 1;
        let id = started(client, job_id, &json!({})).await?["id"].clone();
        let path = format!("{STOP}{id}{ending}");
        let body = json!({ "stopTime": START_TIME + 5 }).to_string();
        let answer = send(client.request(Method::PUT, &path).body(body)).await?;
        ensure!(answer.status == 200, "{path}: {}", answer.text());
        ensure!(
            answer.json()?["jobState"] == "completed",
            "{}",
            answer.text()
        );
    }
    for content_type in [
        "application/x-www-form-urlencoded",
        "text/plain",
        "application/json; charset=latin1",
        "multipart/form-data",
        "no media type",
    ] {
        job_id += 1;
        let request = client
            .request(Method::POST, START)
            .header("Content-Type", content_type)
            .header("Accept", "application/ld+json")
            .body(jobs::start(job_id).to_string());
        let answer = send(request).await?;
        ensure!(answer.status == 201, "{content_type}: {}", answer.text());
    }
    let jwt = token::good("carol", &["api"]);
    for (header, value) in [
        ("X-AUTH-TOKEN", site::ALPHA_API.to_owned()),
        ("x-auth-token", jwt.clone()),
        ("Authorization", format!("Bearer {}", site::ALPHA_API)),
        ("authorization", format!("bearer {jwt}")),
    ] {
        job_id += 1;
        let request = client.anonymous(Method::POST, START).header(header, &value);
        let answer = send(request.body(jobs::start(job_id).to_string())).await?;
        ensure!(answer.status == 201, "{header}: {}", answer.text());
    }
    for path in ["/api/jobs/", "/api/jobs"] {
        let answer = send(client.request(Method::GET, path)).await?;
        ensure!(answer.status == 200, "{path}: {}", answer.text());
        let body = answer.json()?;
        ensure!(
            body["items"] == 25 && body["page"] == 1,
            "{path}: {}",
            answer.text()
        );
    }
    Ok(())
}

/// A script of megabytes, and text that HTML and SQL would take for their own.
async fn long_texts(client: &Client) -> Result<()> {
    let text = "'; DROP TABLE job; -- <script>&amp;</script> \u{1F600} \u{2028}";
    let script = text.repeat(40_000);
    let meta_data = json!({ "jobScript": script, text: text });
    started(
        client,
        1_000,
        &json!({ "user": text, "metaData": meta_data }),
    )
    .await?;
    let job = listed(client, 1_000).await?;
    ensure!(
        job["user"] == text && job["metaData"] == meta_data,
        "the text is another"
    );
    // Within the limit as it came, and too large for a message once each byte has become U+FFFD.
    let body = jobs::with(jobs::start(1_001), &json!({ "metaData": { "a": "@" } }));
    let mut bytes = vec![0xff; 4_000_000];
    bytes.insert(0, b'"');
    bytes.push(b'"');
    let request = client.request(Method::POST, START);
    let answer = send(request.body(text_with(&body, &bytes))).await?;
    ensure!(answer.status == 413, "{}", answer.text());
    check_form(&answer)?;
    Ok(())
}
