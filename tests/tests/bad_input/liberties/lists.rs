//! Lists: metadata by presence, pages, ranges, and who sees what; and answers that are given again.

use anyhow::{Result, ensure};
use muster_tests::{Client, System, client::send, jobs, site, token};
use reqwest::Method;
use serde_json::json;

use super::started;
use crate::case::STOP;

/// Metadata by presence, pages, ranges.
pub(super) async fn read(client: &Client) -> Result<()> {
    for (number, start_time) in [(700, 1_000), (701, 1_000), (702, 1_001), (703, 1_002)] {
        let changes = json!({ "startTime": start_time, "metaData": { "jobName": "listed" } });
        started(client, number, &changes).await?;
    }
    let range = "start-time=1000-1002";
    for with in [
        "with-metadata",
        "with-metadata=",
        "with-metadata=true",
        "with-metadata=false",
    ] {
        let jobs = client.jobs(&format!("{range}&{with}")).await?;
        ensure!(
            jobs.iter()
                .all(|job| job["metaData"]["jobName"] == "listed"),
            "{with}: {jobs:#?}"
        );
    }
    let jobs = client.jobs(range).await?;
    ensure!(
        jobs.iter().all(|job| job["metaData"].is_null()),
        "{jobs:#?}"
    );

    let numbers = async |query: &str| -> Result<Vec<i64>> {
        let jobs = client.jobs(query).await?;
        Ok(jobs
            .iter()
            .filter_map(|job| job["jobId"].as_i64())
            .collect())
    };
    ensure!(numbers(range).await? == [703, 702, 701, 700]);
    ensure!(numbers("start-time=1000-1001").await? == [702, 701, 700]);
    ensure!(numbers("start-time=1002-1000").await?.is_empty());
    ensure!(
        numbers(&format!("{range}&cluster=test&state=running"))
            .await?
            .len()
            == 4
    );
    ensure!(
        numbers(&format!("{range}&cluster=nowhere"))
            .await?
            .is_empty()
    );
    ensure!(numbers(&format!("{range}&project=physics")).await?.len() == 4);
    ensure!(
        numbers(&format!("{range}&project=chemistry"))
            .await?
            .is_empty()
    );
    // Equal starts keep their order from page to page.
    let mut paged = Vec::new();
    for page in 1..=5 {
        paged.extend(numbers(&format!("{range}&items-per-page=1&page={page}")).await?);
    }
    ensure!(paged == [703, 702, 701, 700], "{paged:?}");
    let (status, body) = client
        .list("items-per-page=9999999&page=1&with-metadata=false")
        .await?;
    ensure!(status == 200 && body["items"] == 9_999_999 && body["page"] == 1);
    Ok(())
}

/// Each tenant sees and stops its own; support sees all, an administrator may do all.
pub(super) async fn tenants(system: &System) -> Result<()> {
    let (alpha, beta) = (system.alpha()?, system.client(site::BETA_API)?);
    let range = "start-time=2000-2000";
    let changes = json!({ "startTime": 2_000 });
    started(&alpha, 800, &changes).await?;
    started(&beta, 801, &changes).await?;
    started(&beta, 802, &changes).await?;
    for (token, seen) in [
        (site::ALPHA_API, &[800][..]),
        (site::BETA_API, &[802, 801]),
        (site::MANAGER, &[800]),
        (site::SUPPORT, &[802, 801, 800]),
        (site::ADMIN, &[802, 801, 800]),
    ] {
        let jobs = system.client(token)?.jobs(range).await?;
        let numbers: Vec<i64> = jobs
            .iter()
            .filter_map(|job| job["jobId"].as_i64())
            .collect();
        ensure!(numbers == seen, "{token} sees {numbers:?}");
    }
    // A signed token of a principal acts for that principal's project, with the token's roles.
    let signed = system.client(&token::good("beta-api", &["api"]))?;
    ensure!(signed.jobs(range).await?.len() == 2);
    let stop = json!({ "jobId": 801, "stopTime": 2_001 });
    let (status, answer) = system.client(site::ADMIN)?.stop_job(&stop).await?;
    ensure!(status == 200, "{answer}");
    let tenants: Vec<_> = system.tables().jobs().await?;
    ensure!(
        tenants
            .iter()
            .any(|row| row["job_id"] == 801 && row["tenant"] == "beta")
    );
    Ok(())
}

/// The same key gets the first answer, in quotes or not; the same key of somebody else is another.
pub(super) async fn keys(client: &Client) -> Result<()> {
    let body = jobs::start(900);
    let first = client.start_job_once("key-900", &body).await?;
    ensure!(first.0 == 201, "{first:?}");
    for key in ["key-900", "\"key-900\""] {
        let again = client.start_job_once(key, &body).await?;
        ensure!(again == first, "{again:?} instead of {first:?}");
    }
    let other = client.with_token(site::BETA_API);
    let theirs = other.start_job_once("key-900", &jobs::start(901)).await?;
    ensure!(theirs.0 == 201, "{theirs:?}");
    // A refusal is an answer too; what was no request at all leaves the key free.
    let refused = client.start_job_once("key-901", &body).await?;
    ensure!(refused.0 == 422, "{refused:?}");
    ensure!(client.start_job_once("key-901", &body).await? == refused);
    let invalid = client
        .start_job_once("key-902", &json!({ "jobId": "x" }))
        .await?;
    ensure!(invalid.0 == 400, "{invalid:?}");
    let valid = client.start_job_once("key-902", &jobs::start(902)).await?;
    ensure!(valid.0 == 201, "{valid:?}");
    // The same key for another endpoint is another request.
    let stop = client
        .request(Method::POST, STOP)
        .header("Idempotency-Key", "key-900")
        .body(jobs::stop(900).to_string());
    let answer = send(stop).await?;
    ensure!(answer.status == 422, "{}", answer.text());
    Ok(())
}
