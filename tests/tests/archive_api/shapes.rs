//! What the bodies of answers have to be, by their names in the Swagger text.

use anyhow::{Result, bail, ensure};
use muster_tests::Answer;
use serde_json::Value;

/// Checks the body of an answer.
pub(crate) fn check(name: &str, answer: &Answer) -> Result<()> {
    ensure!(
        answer.header("Content-Type") == "application/json",
        "{:?}",
        answer.headers
    );
    ensure!(answer.body.ends_with(b"\n"), "no newline at the end");
    let body = answer.json()?;
    match name {
        "api.ErrorResponse" => {
            let reason = answer.status.canonical_reason().unwrap_or_default();
            ensure!(body["status"] == reason, "{body}");
            ensure!(
                body["error"]
                    .as_str()
                    .is_some_and(|error| !error.is_empty()),
                "{body}"
            );
            ensure!(
                body.as_object().is_some_and(|body| body.len() == 2),
                "{body}"
            );
        }
        "api.GetJobsApiResponse" => {
            integers(&body, &["items", "page"])?;
            let jobs = body["jobs"].as_array();
            for job in jobs.into_iter().flatten() {
                self::job(job)?;
            }
            ensure!(jobs.is_some_and(|jobs| !jobs.is_empty()), "{body}");
        }
        "api.StartJobApiResponse" => integers(&body, &["id"])?,
        "api.DeleteJobApiResponse" => ensure!(body["msg"].is_string(), "{body}"),
        "schema.Job" | "schema.JobMeta" => job(&body)?,
        other => bail!("nobody knows {other}"),
    }
    Ok(())
}

fn job(body: &Value) -> Result<()> {
    integers(
        body,
        &[
            "id",
            "jobId",
            "numNodes",
            "exclusive",
            "duration",
            "startTime",
        ],
    )?;
    for member in ["user", "project", "cluster", "subCluster", "jobState"] {
        ensure!(body[member].is_string(), "{member}: {body}");
    }
    ensure!(body["resources"][0]["hostname"].is_string(), "{body}");
    Ok(())
}

fn integers(body: &Value, members: &[&str]) -> Result<()> {
    for member in members {
        ensure!(body[*member].is_i64(), "{member}: {body}");
    }
    Ok(())
}
