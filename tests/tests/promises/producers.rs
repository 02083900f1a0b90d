//! A producer publishes jobs and samples on core NATS and a collector sends samples over HTTP; everything is killed in the
//! middle, and nothing that was taken is lost or done twice.

use anyhow::{Context as _, Result, bail, ensure};
use async_nats::{ConnectOptions, Event, HeaderMap};
use muster_testkit::{DEADLINE, eventually};
use muster_tests::{
    Client, Engine, Process, System, SystemOptions, client::send, site, token::now,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// Jobs that are told of before the kill.
const JOBS: i64 = 20;

const PRODUCER: &str = r#"
    [[producer]]
    name = "slurm"
    project = "alpha"
    job_events = "jobs"
"#;

/// The producer, and what the broker refuses it.
async fn producer(system: &System) -> Result<(async_nats::Client, mpsc::Receiver<String>)> {
    let read = |name: &str| std::fs::read_to_string(system.data().join("nats").join(name));
    let seed = read("producer-slurm.nk").context("its key")?;
    let address = read("address")?;
    let (refusals, refused) = mpsc::channel(16);
    let options = ConnectOptions::with_nkey(seed.trim().to_owned())
        .custom_inbox_prefix("_INBOX.producer.slurm")
        .event_callback(move |event| {
            let refusals = refusals.clone();
            async move {
                if let Event::ServerError(error) = event {
                    let _ = refusals.try_send(error.to_string());
                }
            }
        });
    let client = options
        .connect(format!("nats://{}", address.trim()))
        .await?;
    Ok((client, refused))
}

fn line(function: &str, body: &Value) -> String {
    let body = body.to_string().replace('\\', "\\\\").replace('"', "\\\"");
    format!(
        "job,function={function},hostname=slurm1,type=node,type-id=0 event=\"{body}\" 1700000000000000000\n"
    )
}

fn started(number: i64, start: i64) -> String {
    line(
        "start_job",
        &json!({
            "jobId": number, "user": "alice", "project": "p", "cluster": site::TEST_CLUSTER, "numNodes": 2,
            "resources": [{"hostname": "t001"}, {"hostname": "t002"}], "startTime": start, "shared": "none",
            "statistics": null,
        }),
    )
}

fn stopped(number: i64, stop: i64) -> String {
    line(
        "stop_job",
        &json!({"jobId": number, "cluster": site::TEST_CLUSTER, "jobState": "completed", "stopTime": stop}),
    )
}

fn node_state(state: &str, time: i64) -> String {
    let body = json!({"cluster": site::TEST_CLUSTER, "nodes": [
        {"hostname": "t003", "states": [state], "cpusAllocated": 4, "memoryAllocated": 100, "gpusAllocated": 0, "jobsRunning": 1},
    ]});
    let body = body.to_string().replace('"', "\\\"");
    format!("nodestate event=\"{body}\" {time}000000000\n")
}

fn sample(node: &str, time: i64, value: f64) -> String {
    format!("cpu_load,cluster=test,hostname={node},type=node value={value} {time}\n")
}

async fn states(client: &Client) -> Result<Vec<(i64, String, i64)>> {
    let jobs = client.jobs("items-per-page=100").await?;
    let mut states: Vec<(i64, String, i64)> = jobs
        .iter()
        .map(|job| {
            let of = |name: &str| job[name].as_i64().unwrap_or_default();
            let state = job["jobState"].as_str().unwrap_or_default();
            (of("jobId"), state.to_owned(), of("id"))
        })
        .collect();
    states.sort();
    Ok(states)
}

/// What the archive says was measured of a job that runs: the values of each node.
async fn measured(system: &System, id: i64) -> Result<Vec<(String, Vec<f64>)>> {
    let client = system.nats().await?;
    let mut headers = HeaderMap::new();
    let principal =
        json!({"name": "alpha-api", "domain": "default", "project": site::ALPHA, "roles": ["api"]});
    headers.insert("Muster-Principal", principal.to_string().as_str());
    headers.insert("Muster-Schema", "job-archive.job-metrics/1");
    let question = json!({"id": id, "metrics": ["cpu_load"], "scopes": ["node"]}).to_string();
    let subject = "muster.qry.job-archive.v1.job-metrics";
    let answer = client
        .request_with_headers(subject, headers, question.into())
        .await?;
    let answer: Value = serde_json::from_slice(&answer.payload)?;
    let series = answer.pointer("/done/cpu_load/node/series");
    let Some(series) = series.and_then(Value::as_array) else {
        return Ok(Vec::new());
    };
    let values = series.iter().map(|one| {
        let data = one.get("data").and_then(Value::as_array);
        let data = data.into_iter().flatten();
        let host = one
            .get("hostname")
            .and_then(Value::as_str)
            .unwrap_or_default();
        (host.to_owned(), data.filter_map(Value::as_f64).collect())
    });
    Ok(values.collect())
}

async fn until_measured(system: &System, id: i64, expected: &[(&str, &[f64])]) -> Result<()> {
    let found = eventually(DEADLINE, "what was measured", async || {
        let found = measured(system, id).await.ok()?;
        let same = found.len() == expected.len()
            && found
                .iter()
                .zip(expected)
                .all(|((host, values), (wanted, data))| host == wanted && values == data);
        same.then_some(())
    });
    found.await?;
    Ok(())
}

async fn write(client: &Client, query: &str, lines: String) -> Result<StatusCode> {
    let request = client.request(Method::POST, &format!("/api/write{query}"));
    Ok(send(request.body(lines)).await?.status)
}

#[tokio::test]
async fn what_producers_say_survives_a_kill_and_takes_effect_once() -> Result<()> {
    let mut options = SystemOptions::new(Engine::Sqlite);
    options.site_extra = PRODUCER.to_owned();
    let mut system = System::up(options).await?;
    let alpha = system.alpha()?;
    let (producer, mut refused) = producer(&system).await?;

    // It may publish to its subjects, and do nothing else.
    producer
        .publish("muster.cmd.job-archive.v1.start-job", "{}".into())
        .await?;
    producer.flush().await?;
    let refusal = tokio::time::timeout(DEADLINE, refused.recv()).await?;
    ensure!(refusal.is_some_and(|text| text.to_lowercase().contains("permissions")));

    // Full minutes: a value of each is in a step of its own.
    let start = now() / 60 * 60 - 600;
    let minute = |minute: i64| start + 60 * minute;
    for number in 1..=JOBS {
        // The stop of every other job comes first.
        if number % 2 == 0 {
            producer
                .publish("jobs", stopped(number, start + 60).into())
                .await?;
        }
        producer
            .publish("jobs", started(number, start).into())
            .await?;
    }
    producer
        .publish(
            "hpc-nats",
            (sample("t001", minute(0), 1.5) + &sample("t001", minute(1), 2.25)).into(),
        )
        .await?;
    producer.flush().await?;
    let over_http = sample("t002", minute(0), 7.0).replace("cluster=test,", "");
    ensure!(write(&alpha, "?cluster=test", over_http.clone()).await? == StatusCode::OK);
    system.kill(Process::Everything)?;
    drop(producer);
    system.start(Process::Everything).await?;

    let (producer, _refused) = self::producer(&system).await?;
    let alpha = system.alpha()?;
    let found = eventually(DEADLINE, "the jobs", async || {
        let states = states(&alpha).await.ok()?;
        let stopped = states
            .iter()
            .filter(|(_, state, _)| state == "completed")
            .count();
        (states.len() == 20 && stopped == 10).then_some(states)
    });
    let states = found.await?;
    let Some((1, state, id)) = states.first() else {
        bail!("the first job is not there: {states:?}");
    };
    ensure!(state == "running");
    until_measured(&system, *id, &[("t001", &[1.5, 2.25]), ("t002", &[7.0])]).await?;

    // Said again, by whoever does not know that it was heard, it changes nothing; what is new comes to it.
    producer.publish("jobs", started(1, start).into()).await?;
    ensure!(
        write(
            &alpha,
            "/?cluster=test",
            over_http + &sample("t002", minute(2), 8.0)
        )
        .await?
            == StatusCode::OK
    );
    until_measured(
        &system,
        *id,
        &[("t001", &[1.5, 2.25]), ("t002", &[7.0, 8.0])],
    )
    .await?;
    ensure!(self::states(&alpha).await?.len() == 20);

    // Of a bad request nothing is stored.
    let bad = sample("t002", minute(3), 9.0) + "nonsense\n";
    ensure!(write(&alpha, "", bad).await? == StatusCode::BAD_REQUEST);
    let plain = alpha.with_token(site::PLAIN_USER);
    ensure!(write(&plain, "", sample("t002", minute(3), 9.0)).await? == StatusCode::FORBIDDEN);
    until_measured(
        &system,
        *id,
        &[("t001", &[1.5, 2.25]), ("t002", &[7.0, 8.0])],
    )
    .await?;

    // When it stops, what was measured is in its file, and is read from there.
    producer
        .publish("jobs", stopped(1, minute(3)).into())
        .await?;
    producer.flush().await?;
    archived(&system, start).await?;
    shown(&alpha, *id).await?;
    until_measured(
        &system,
        *id,
        &[("t001", &[1.5, 2.25]), ("t002", &[7.0, 8.0])],
    )
    .await?;

    nodes_are_told_of(&producer, &alpha).await?;
    what_cannot_be_used_is_a_dead_letter(&system, &producer).await
}

/// The file of the first job says what was measured of it.
async fn archived(system: &System, start: i64) -> Result<()> {
    let directory = format!("job-archive/{}/0/001/{start}", site::TEST_CLUSTER);
    // So little is not compressed.
    let file = system.data().join(directory).join("data.json");
    let data = eventually(DEADLINE, "the job's file", async || {
        serde_json::from_slice::<Value>(&std::fs::read(&file).ok()?).ok()
    })
    .await?;
    let series = data.pointer("/cpu_load/node/series");
    let series = series
        .and_then(Value::as_array)
        .context("no series of nodes")?;
    let values: Vec<(Option<&str>, Vec<f64>)> = series
        .iter()
        .map(|one| {
            let values = one.get("data").and_then(Value::as_array);
            let values = values.into_iter().flatten().filter_map(Value::as_f64);
            (
                one.get("hostname").and_then(Value::as_str),
                values.collect(),
            )
        })
        .collect();
    let expected = [
        (Some("t001"), vec![1.5, 2.25]),
        (Some("t002"), vec![7.0, 8.0]),
    ];
    ensure!(values == expected, "{data}");
    Ok(())
}

/// The values of the nodes in a metric's object.
fn values(metric: Option<&Value>) -> Vec<Vec<f64>> {
    let series = metric.and_then(|metric| metric.get("series")?.as_array());
    let data = series.into_iter().flatten().map(|one| {
        let data = one.get("data").and_then(Value::as_array);
        data.into_iter()
            .flatten()
            .filter_map(Value::as_f64)
            .collect()
    });
    data.collect()
}

/// What was measured is in every answer that has a place for it, and in the list there is a summary.
async fn shown(alpha: &Client, id: i64) -> Result<()> {
    let expected = [vec![1.5, 2.25], vec![7.0, 8.0]];
    let of = |number: &str| format!("/api/jobs/{number}");
    let id = id.to_string();
    let all = alpha.request(Method::GET, &(of(&id) + "?all-metrics=true"));
    let all = send(all).await?.json()?;
    let metric = all.pointer("/Data/cpu_load/node");
    ensure!(values(metric) == expected, "{all}");
    let one = alpha.request(Method::POST, &of(&id));
    let one = send(one.body(r#"["cpu_load"]"#)).await?.json()?;
    let metric = one.pointer("/Data/0/metric");
    ensure!(values(metric) == expected, "{one}");
    for (query, expected) in [
        ("metric=cpu_load&scope=node", &expected[..]),
        ("metric=flops_any", &[]),
    ] {
        let path = format!("{}?{query}", of(&format!("metrics/{id}")));
        let answer = send(alpha.request(Method::GET, &path)).await?.json()?;
        let metric = answer.pointer("/data/jobMetrics/0/metric");
        ensure!(values(metric) == expected, "{query}: {answer}");
    }
    // The row follows the files.
    eventually(DEADLINE, "the summary", async || {
        let jobs = alpha
            .jobs("state=completed&items-per-page=100")
            .await
            .ok()?;
        let job = jobs
            .iter()
            .find(|job| job.get("jobId") == Some(&json!(1)))?;
        let greatest = job.pointer("/statistics/cpu_load/max")?.as_f64()?;
        ((greatest - 8.0).abs() < f64::EPSILON).then_some(())
    })
    .await?;
    Ok(())
}

/// What the batch system says of its nodes; what is older changes nothing.
async fn nodes_are_told_of(producer: &async_nats::Client, alpha: &Client) -> Result<()> {
    let both = node_state("allocated", now()) + &node_state("idle", now() - 60);
    producer.publish("cc.node.state", both.into()).await?;
    producer.flush().await?;
    let known = eventually(DEADLINE, "the state of a node", async || {
        let request = alpha.request(Method::GET, "/api/nodestate/?cluster=test");
        let known = send(request).await.ok()?.json().ok()?;
        let nodes = known.get("nodes")?.as_array()?.clone();
        nodes.into_iter().next()
    });
    let node = known.await?;
    for (member, value) in [
        ("hostname", json!("t003")),
        ("state", json!("allocated")),
        ("cpusAllocated", json!(4)),
    ] {
        ensure!(node.get(member) == Some(&value), "{member}: {node}");
    }
    Ok(())
}

async fn what_cannot_be_used_is_a_dead_letter(
    system: &System,
    producer: &async_nats::Client,
) -> Result<()> {
    producer
        .publish(
            "jobs",
            line(
                "stop_job",
                &json!({"jobId": 1, "cluster": "nowhere", "stopTime": 5}),
            )
            .into(),
        )
        .await?;
    producer.flush().await?;
    let listed = eventually(DEADLINE, "a dead letter", async || {
        let output = system.cli(&["dead-letters", "list", "--json"]).await.ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.contains("no such cluster: nowhere").then_some(())
    });
    listed.await?;
    Ok(())
}
