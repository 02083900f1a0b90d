//! The requests of cc-slurm-adapter, cc-slurm-sync and cc-condor-sync.

use anyhow::{Context, Result, ensure};
use muster_tests::{Client, Engine, System, SystemOptions, client::send, site};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// How cc-slurm-sync cuts the environment of a job off, in characters.
const ENVIRONMENT: usize = 50_000;

#[tokio::test]
async fn clients_of_every_batch_system_work_unchanged() -> Result<()> {
    let system = System::up(SystemOptions::new(Engine::Sqlite)).await?;
    let client = system.alpha()?;
    adapter(&client).await.context("cc-slurm-adapter")?;
    sync(&client).await.context("cc-slurm-sync")?;
    condor(&client).await.context("cc-condor-sync")
}

/// The Go daemon beside slurmctld, of 2026.
async fn adapter(client: &Client) -> Result<()> {
    let ask = async |method: Method, path: &str, body: &str| -> Result<(StatusCode, String)> {
        let request = client
            .anonymous(method, path)
            .header("accept", "application/ld+json")
            .header("Content-Type", "application/json")
            .header("X-AUTH-TOKEN", site::ALPHA_API)
            .body(body.to_owned());
        let answer = send(request).await?;
        Ok((answer.status, answer.text()))
    };
    let start = r#"{"cluster":"test","subCluster":"","partition":"main","project":"acct1","user":"root","jobState":"","tags":null,"resources":[{"hostname":"t001","hwthreads":[0,1],"accelerators":null,"configuration":""}],"metaData":{"jobName":"wrap","jobScript":"\#!/bin/sh\nsleep 30\n","slurmInfo":"JobId=4711 Partition=main","submitTime":"1795304352"},"concurrentJobs":{"items":null,"count":0},"statistics":null,"footprint":null,"energyFootprint":null,"energy":0,"arrayJobId":0,"walltime":3600,"requestedMemory":4000,"jobId":4711,"numNodes":1,"numHwthreads":2,"numAcc":0,"duration":0,"smt":0,"shared":"none","monitoringStatus":1,"startTime":1795304352,"submitTime":1795304350}"#
        .replace("\\#", "#");
    let (status, text) = ask(Method::POST, "/api/jobs/start_job/", &start).await?;
    ensure!(status == 201, "{status} {text}");
    // It is told again after every restart; 422 means "there already" to it, anything else is tried for ever.
    let (status, text) = ask(Method::POST, "/api/jobs/start_job/", &start).await?;
    ensure!(status == 422, "{status} {text}");

    let list = "/api/jobs/?state=running&items-per-page=9999999&page=1&with-metadata=false";
    let (status, text) = ask(Method::GET, list, "").await?;
    ensure!(status == 200, "{status} {text}");
    let listed: Value = serde_json::from_str(&text)?;
    let job = &listed["jobs"][0];
    ensure!(
        job["jobId"] == 4711 && job["startTime"] == 1_795_304_352 && job["shared"] == "none",
        "{job}"
    );
    // That the parameter is there counts, not what it says.
    ensure!(job["metaData"]["jobName"] == "wrap", "{job}");

    let nodes = r#"{"cluster":"test","nodes":[{"hostname":"t001","states":["ALLOCATED"],"cpusAllocated":2,"memoryAllocated":4000,"gpusAllocated":0,"jobsRunning":1}]}"#;
    let (status, text) = ask(Method::POST, "/api/nodestate/", nodes).await?;
    ensure!(status == 200 && text.is_empty(), "{status} {text}");

    // Without its start; the state is Slurm's in small letters.
    let stop = r#"{"jobId":4711,"cluster":"test","jobState":"deadline","stopTime":1795304400}"#;
    let (status, text) = ask(Method::POST, "/api/jobs/stop_job/", stop).await?;
    ensure!(status == 200, "{status} {text}");
    let stopped: Value = serde_json::from_str(&text)?;
    ensure!(
        stopped["jobState"] == "deadline" && stopped["duration"] == 48,
        "{stopped}"
    );
    let (status, text) = ask(Method::POST, "/api/jobs/stop_job/", stop).await?;
    ensure!(status == 422, "{status} {text}");
    Ok(())
}

/// The Python script that cron runs, of 2023. First it stops what `squeue` has no more, then it starts what is new.
async fn sync(client: &Client) -> Result<()> {
    let ask =
        async |method: Method, path: &str, body: Option<&Value>| -> Result<(StatusCode, Value)> {
            let mut request = client
                .anonymous(method, path)
                .header("accept", "application/ld+json")
                .header("Authorization", format!("Bearer {}", site::ALPHA_API));
            if let Some(body) = body {
                request = request
                    .header("Content-Type", "application/json")
                    .body(body.to_string());
            }
            send(request).await?.pair()
        };
    let list = "/api/jobs/?cluster=test&items-per-page=10000000&state=running";
    let (status, before) = ask(Method::GET, list, None).await?;
    ensure!(status == 200 && before["jobs"] == json!([]), "{before}");
    let start = |job_id: i64, exclusive: i32| {
        json!({
            "jobId": job_id, "user": "root", "cluster": "test", "numNodes": 2, "numHwthreads": 4,
            "startTime": 1_795_304_352_i64, "walltime": 3600, "project": "acct1", "partition": "main",
            "exclusive": exclusive, "arrayJobId": 0, "numAcc": 0,
            "resources": [
                { "hostname": "t001", "hwthreads": [0, 1] },
                { "hostname": "t002", "hwthreads": [0, 1], "accelerators": ["00000000:49:00.0"] },
            ],
            "metadata": {
                "jobName": "wrap",
                "jobScript": "#!/bin/sh\nsleep 30\n",
                "slurmInfo": format!("JobId={job_id}\n{}", "A=b\n".repeat(ENVIRONMENT / 4)),
            },
        })
    };
    for (job_id, exclusive) in [(500, 0), (501, 1), (502, 2)] {
        let (status, answer) = ask(
            Method::POST,
            "/api/jobs/start_job/",
            Some(&start(job_id, exclusive)),
        )
        .await?;
        ensure!(status == 201 && answer["id"].is_i64(), "{status} {answer}");
    }
    // Of jobs with a security label it sends 3, which a release of 2023 answered with 500.
    let (status, answer) = ask(Method::POST, "/api/jobs/start_job/", Some(&start(503, 3))).await?;
    ensure!(status == 400, "{status} {answer}");

    let (status, running) = ask(Method::GET, list, None).await?;
    ensure!(status == 200, "{running}");
    let jobs = running["jobs"].as_array().context("no jobs")?;
    ensure!(
        jobs.len() == 3 && jobs.iter().all(|job| job["startTime"].is_i64()),
        "{running}"
    );
    for (job, state) in jobs.iter().zip(["completed", "node_fail", "timeout"]) {
        let stop = json!({
            "jobId": job["jobId"], "cluster": "test", "startTime": job["startTime"],
            "stopTime": 1_795_304_400_i64, "jobState": state,
        });
        let (status, answer) = ask(Method::POST, "/api/jobs/stop_job/", Some(&stop)).await?;
        ensure!(
            status == 200 && answer["jobState"] == state,
            "{status} {answer}"
        );
    }
    let (_, all) = ask(
        Method::GET,
        "/api/jobs/?with-metadata=1&items-per-page=10000000",
        None,
    )
    .await?;
    let kept = all["jobs"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|job| job["jobId"] == 501);
    let info = kept.and_then(|job| job["metaData"]["slurmInfo"].as_str());
    ensure!(
        info.is_some_and(|info| info.len() > ENVIRONMENT),
        "the environment is cut"
    );
    Ok(())
}

/// The plug-in of `HTCondor`'s schedd, which looks at no answer.
async fn condor(client: &Client) -> Result<()> {
    for (job_id, state) in [
        (900, "failed"),
        (901, "cancelled"),
        (902, "completed"),
        (903, "stopped"),
    ] {
        let start = json!({
            "jobId": job_id, "arrayJobId": 0, "user": "alice", "cluster": "test", "project": "physics",
            "partition": "main", "exclusive": 0, "numNodes": 1, "numHwthreads": 1, "numAcc": 0,
            "startTime": 1_795_304_352_i64,
            "resources": [{ "hostname": "t001" }],
            "metadata": { "jobName": format!("alice#{job_id}"), "submitHost": "schedd" },
        });
        let (status, answer) = client.start_job(&start).await?;
        ensure!(status == 201, "{status} {answer}");
        let stop = json!({
            "jobId": job_id, "cluster": "test", "startTime": 1_795_304_352_i64,
            "stopTime": 1_795_304_362_i64, "jobState": state,
        });
        let (status, answer) = client.stop_job(&stop).await?;
        ensure!(
            status == 200 && answer["jobState"] == state,
            "{status} {answer}"
        );
        ensure!(
            answer["shared"] == "multi_user" && answer["duration"] == 10,
            "{answer}"
        );
    }
    Ok(())
}
