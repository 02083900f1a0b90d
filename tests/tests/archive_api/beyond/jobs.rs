//! One job, its meta data, and its deletion.

use anyhow::{Result, ensure};
use muster_tests::site;
use reqwest::Method;
use serde_json::{Value, json};

use super::{expect, refused, tags::tag};
use crate::house::{House, ask};

pub(super) async fn deleting(house: &House) -> Result<()> {
    let stranger = house.stranger()?;
    let job = house.running(&json!({})).await?;
    let path = format!("/api/jobs/delete_job/{}", job.id);
    let body = json!({ "jobId": job.job_id });
    // What is another tenant's stays, and that it is there is not told.
    let message = format!("Successfully deleted job {}", job.id);
    let answer = expect(
        &ask(&stranger, Method::DELETE, &path, &Value::Null).await?,
        200,
    )?;
    ensure!(answer["msg"] == message, "{answer}");
    refused(
        &ask(&stranger, Method::DELETE, "/api/jobs/delete_job/", &body).await?,
        422,
        "no rows",
    )?;
    let before = format!("/api/jobs/delete_job_before/{}", job.start_time + 1);
    let answer = expect(
        &ask(&stranger, Method::DELETE, &before, &Value::Null).await?,
        200,
    )?;
    ensure!(answer["msg"] == "Successfully deleted 0 jobs", "{answer}");
    // A start time that it does not have is another job.
    let other = json!({ "jobId": job.job_id, "startTime": job.start_time + 1 });
    refused(
        &house
            .ask(Method::DELETE, "/api/jobs/delete_job/", &other)
            .await?,
        422,
        "no rows",
    )?;
    let answer = expect(
        &house
            .ask(Method::DELETE, "/api/jobs/delete_job/", &body)
            .await?,
        200,
    )?;
    ensure!(answer["msg"] == message, "{answer}");
    refused(
        &house
            .ask(Method::DELETE, "/api/jobs/delete_job/", &body)
            .await?,
        422,
        "no rows",
    )?;
    let again = expect(&house.ask(Method::DELETE, &path, &Value::Null).await?, 200)?;
    ensure!(again["msg"] == message, "{again}");
    refused(
        &house
            .ask(
                Method::POST,
                &format!("/api/jobs/stop_job/{}", job.id),
                &job.stop(),
            )
            .await?,
        422,
        "no rows",
    )?;

    // Three that are older than all others, one of them tagged.
    for (start_time, tags) in [
        (100, json!([])),
        (200, json!([tag("keep")])),
        (300, json!([])),
    ] {
        house
            .running(&json!({ "startTime": start_time, "tags": tags }))
            .await?;
    }
    for (query, deleted) in [
        ("300?omit-tagged=all", 1),
        ("300", 1),
        ("301", 1),
        ("301", 0),
    ] {
        let path = format!("/api/jobs/delete_job_before/{query}");
        let answer = expect(&house.ask(Method::DELETE, &path, &Value::Null).await?, 200)?;
        ensure!(
            answer["msg"] == format!("Successfully deleted {deleted} jobs"),
            "{query}: {answer}"
        );
    }
    refused(
        &house
            .ask(
                Method::DELETE,
                "/api/jobs/delete_job_before/1?omit-tagged=some",
                &Value::Null,
            )
            .await?,
        400,
        "omit-tagged must be one of",
    )
}

pub(super) async fn one_job(house: &House) -> Result<()> {
    let job = house
        .running(&json!({ "metaData": { "jobName": "x" } }))
        .await?;
    let path = format!("/api/jobs/{}", job.id);
    let shown = expect(&house.ask(Method::GET, &path, &Value::Null).await?, 200)?;
    ensure!(
        shown["Meta"]["metaData"]["jobName"] == "x" && shown["Data"].is_null(),
        "{shown}"
    );
    ensure!(
        shown["Meta"]["duration"]
            .as_i64()
            .is_some_and(|duration| duration > 0),
        "{shown}"
    );
    let shown = expect(
        &house
            .ask(
                Method::GET,
                &format!("{path}?all-metrics=true"),
                &Value::Null,
            )
            .await?,
        200,
    )?;
    ensure!(shown["Data"].is_object(), "{shown}");
    let shown = expect(
        &house
            .ask(Method::POST, &path, &json!(["flops_any"]))
            .await?,
        200,
    )?;
    ensure!(
        shown["Meta"]["id"] == job.id && shown["Data"].is_array(),
        "{shown}"
    );
    refused(
        &house.ask(Method::POST, &path, &json!({})).await?,
        400,
        "decoding request failed",
    )?;
    let metrics = format!("/api/jobs/metrics/{}", job.id);
    let shown = expect(
        &house
            .ask(
                Method::GET,
                &format!("{metrics}?metric=a&scope=node"),
                &Value::Null,
            )
            .await?,
        200,
    )?;
    ensure!(
        shown["data"]["jobMetrics"].is_array() && shown["error"].is_null(),
        "{shown}"
    );
    refused(
        &house
            .ask(Method::GET, &format!("{metrics}?scope=rack"), &Value::Null)
            .await?,
        400,
        "unmarshaling scope failed",
    )?;
    let shown = expect(
        &house
            .ask(Method::GET, "/api/jobs/metrics/999999999", &Value::Null)
            .await?,
        200,
    )?;
    ensure!(
        shown["data"].is_null() && shown["error"]["message"].is_string(),
        "{shown}"
    );
    let stranger = house.stranger()?;
    for method in [Method::GET, Method::POST] {
        refused(
            &ask(&stranger, method.clone(), &path, &json!([])).await?,
            422,
            "finding job with db id",
        )?;
        refused(
            &house.ask(method, "/api/jobs/one", &json!([])).await?,
            400,
            "integer expected in path for id",
        )?;
    }
    Ok(())
}

pub(super) async fn meta_data(house: &House) -> Result<()> {
    let job = house
        .running(&json!({ "metaData": { "jobName": "x" } }))
        .await?;
    let path = format!("/api/jobs/edit_meta/{}", job.id);
    let entry = json!({ "key": "message", "value": "<hello>" });
    let edited = expect(&house.ask(Method::PATCH, &path, &entry).await?, 200)?;
    ensure!(
        edited["metaData"] == json!({ "jobName": "x", "message": "<hello>" }),
        "{edited}"
    );
    let request = json!({
        "jobId": job.job_id, "cluster": site::TEST_CLUSTER, "startTime": job.start_time,
        "payload": { "key": "jobName", "value": "y" },
    });
    let edited = expect(
        &house
            .ask(Method::PATCH, "/api/jobs/edit_meta/", &request)
            .await?,
        200,
    )?;
    ensure!(
        edited["metaData"] == json!({ "jobName": "y", "message": "<hello>" }),
        "{edited}"
    );
    let stranger = house.stranger()?;
    refused(
        &ask(&stranger, Method::PATCH, &path, &entry).await?,
        404,
        "finding job failed",
    )?;
    refused(
        &ask(&stranger, Method::PATCH, "/api/jobs/edit_meta/", &request).await?,
        422,
        "finding job failed",
    )?;
    refused(
        &house
            .ask(Method::PATCH, &path, &json!({ "value": "x" }))
            .await?,
        400,
        "'key' is required",
    )?;
    refused(
        &house
            .ask(Method::PATCH, "/api/jobs/edit_meta/", &entry)
            .await?,
        400,
        "unknown field",
    )?;
    refused(
        &house
            .ask(Method::PATCH, "/api/jobs/edit_meta/one", &entry)
            .await?,
        400,
        "integer expected",
    )
}
