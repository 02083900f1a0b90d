//! What becomes of jobs: the states of every release, sharing, numbers used again, array jobs.

use anyhow::{Result, ensure};
use muster_tests::{
    Client,
    jobs::{self, START_TIME},
    site,
};
use serde_json::{Value, json};

use super::{listed, started};

pub(super) async fn follow(client: &Client) -> Result<()> {
    states(client).await?;
    sharing(client).await?;
    newest(client).await?;
    array_jobs(client).await?;
    tags(client).await
}

const STATES: [&str; 13] = [
    "boot_fail",
    "cancelled",
    "completed",
    "deadline",
    "failed",
    "node_fail",
    "out_of_memory",
    "pending",
    "preempted",
    "running",
    "stopped",
    "suspended",
    "timeout",
];

/// The states of the seed and of later releases, at start, at stop and in lists.
async fn states(client: &Client) -> Result<()> {
    for (number, state) in (200..).zip(STATES) {
        started(client, number, &json!({ "jobState": state })).await?;
        ensure!(listed(client, number).await?["jobState"] == *state);
        let number = number + 100;
        started(client, number, &json!({ "jobState": "" })).await?;
        let stop = jobs::with(jobs::stop(number), &json!({ "jobState": state }));
        let (status, answer) = client.stop_job(&stop).await?;
        ensure!(
            status == 200 && answer["jobState"] == *state,
            "{state}: {answer}"
        );
        let jobs = client
            .jobs(&format!("state={state}&items-per-page=-1"))
            .await?;
        ensure!(
            !jobs.is_empty() && jobs.iter().all(|job| job["jobState"] == *state),
            "{state}"
        );
    }
    let jobs = client
        .jobs("state=failed&state=timeout&items-per-page=-1")
        .await?;
    ensure!(jobs.len() == 4, "{} jobs", jobs.len());
    // A stop without a state completes; a job may stop when it started.
    started(client, 399, &json!({})).await?;
    let stop = json!({ "jobId": 399, "stopTime": START_TIME, "jobState": "" });
    let (status, answer) = client.stop_job(&stop).await?;
    ensure!(
        status == 200 && answer["jobState"] == "completed" && answer["duration"] == 0,
        "{answer}"
    );
    Ok(())
}

/// `exclusive` of the seed and `shared` of later releases say the same; answers have both.
async fn sharing(client: &Client) -> Result<()> {
    let ways = [
        (json!({}), 1, "none"),
        (json!({ "exclusive": 0 }), 0, "multi_user"),
        (json!({ "exclusive": 1 }), 1, "none"),
        (json!({ "exclusive": 2 }), 2, "single_user"),
        (json!({ "shared": "multi_user" }), 0, "multi_user"),
        (json!({ "shared": "none" }), 1, "none"),
        (json!({ "shared": "single_user" }), 2, "single_user"),
        (
            json!({ "exclusive": 2, "shared": "single_user" }),
            2,
            "single_user",
        ),
    ];
    for (number, (changes, exclusive, shared)) in (400..).zip(ways) {
        started(client, number, &changes).await?;
        let job = listed(client, number).await?;
        ensure!(
            job["exclusive"] == exclusive && job["shared"] == shared,
            "{changes}: {job}"
        );
        let (_, answer) = client.stop_job(&jobs::stop(number)).await?;
        ensure!(
            answer["exclusive"] == exclusive && answer["shared"] == shared,
            "{changes}: {answer}"
        );
    }
    Ok(())
}

/// A number is used again after a day; a stop without a start time is for the newest.
async fn newest(client: &Client) -> Result<()> {
    let later = START_TIME + 86_400;
    started(client, 500, &json!({})).await?;
    let second = started(client, 500, &json!({ "startTime": later })).await?;
    let stop = json!({ "jobId": 500, "stopTime": later + 10, "jobState": "failed" });
    let (status, answer) = client.stop_job(&stop).await?;
    ensure!(status == 200 && answer["id"] == second["id"], "{answer}");
    ensure!(
        answer["startTime"] == later && answer["duration"] == 10,
        "{answer}"
    );
    let (status, answer) = client.stop_job(&jobs::stop(500)).await?;
    ensure!(
        status == 200 && answer["startTime"] == START_TIME,
        "{answer}"
    );
    Ok(())
}

/// The last element of an array keeps the array's number, and its stop can come with the start time of
/// another element: then it is for the newest that runs.
async fn array_jobs(client: &Client) -> Result<()> {
    let first = started(client, 600, &json!({ "arrayJobId": 600 })).await?;
    started(
        client,
        601,
        &json!({ "arrayJobId": 600, "startTime": START_TIME + 7 }),
    )
    .await?;
    let stop = jobs::with(jobs::stop(600), &json!({ "startTime": START_TIME + 7 }));
    let (status, answer) = client.stop_job(&stop).await?;
    ensure!(
        status == 200 && answer["id"] == first["id"],
        "{status} {answer}"
    );
    ensure!(answer["startTime"] == START_TIME, "{answer}");
    let (status, answer) = client.stop_job(&stop).await?;
    ensure!(status == 422, "a second time: {status} {answer}");
    ensure!(listed(client, 601).await?["jobState"] == "running");
    Ok(())
}

/// Tags are attached once, shared between jobs, and shown to those who may see them.
async fn tags(client: &Client) -> Result<()> {
    let sent = json!([
        { "type": "a", "name": "b" },
        { "type": "a", "name": "b", "scope": "global", "id": 77 },
        { "type": "a", "name": "b", "scope": "" },
        { "type": "a", "name": "c", "scope": "admin" },
        { "type": "a", "name": "d", "scope": "alpha-api" },
        { "type": "", "name": "" },
    ]);
    for number in [650, 651] {
        started(client, number, &json!({ "tags": sent })).await?;
    }
    let seen = async |token: &str, number: i64| -> Result<Vec<(String, String)>> {
        let job = listed(&client.with_token(token), number).await?;
        let tags = job["tags"].as_array().cloned().unwrap_or_default();
        ensure!(tags.iter().all(|tag| tag["id"].is_i64()), "{tags:?}");
        let text = |tag: &Value, member: &str| tag[member].as_str().unwrap_or("?").to_owned();
        let mut names: Vec<_> = tags
            .iter()
            .map(|tag| (text(tag, "name"), text(tag, "scope")))
            .collect();
        names.sort();
        Ok(names)
    };
    let pairs = |names: &[(&str, &str)]| -> Vec<(String, String)> {
        let owned = |(name, scope): &(&str, &str)| ((*name).to_owned(), (*scope).to_owned());
        names.iter().map(owned).collect()
    };
    for number in [650, 651] {
        let own = [("", "global"), ("b", "global"), ("d", "alpha-api")];
        ensure!(seen(site::ALPHA_API, number).await? == pairs(&own));
        ensure!(seen(site::MANAGER, number).await? == pairs(&own[..2]));
        let all = [("", "global"), ("b", "global"), ("c", "admin")];
        ensure!(seen(site::ADMIN, number).await? == pairs(&all));
    }
    Ok(())
}
