//! Sessions and jobs to measure with.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use hyper::StatusCode;
use serde_json::{Value, json};

use super::{
    super::{load::Connection, system::TOKEN},
    CONNECTIONS,
};

/// Where the benchmark's project is.
pub(super) const PREFIX: &str = "/v2/bench";

/// The client of all jobs.
pub(super) const CLIENT: &str = "node1";

/// A session, and the first of its jobs.
#[derive(Debug, Clone)]
pub(super) struct Furnished {
    pub(super) session: String,
    pub(super) job: String,
}

/// What is made of a session.
pub(super) fn session(hold_off: i64) -> Value {
    json!({
        "description": "all machines of the plant",
        "hold_off": hold_off,
        "schedule": { "schedule_interval": "1 days", "schedule_start_date": "2030-01-02T03:04:05" },
    })
}

fn job() -> Value {
    json!({
        "client_id": CLIENT,
        "description": "the configuration of a machine",
        "job_schedule": { "schedule_interval": "1 days" },
        "job_actions": [{ "freezer_action": {
            "action": "backup",
            "mode": "fs",
            "backup_name": "etc",
            "path_to_backup": "/etc",
            "container": "/srv/backups",
            "storage": "local",
        } }],
    })
}

/// So many sessions with so many jobs in each, made over all connections.
pub(super) async fn furnish(
    address: SocketAddr,
    sessions: usize,
    jobs: usize,
    hold_off: i64,
) -> Result<Vec<Furnished>> {
    let mut connection = Connection::open(address).await?;
    let client = json!({ "client_id": CLIENT, "hostname": CLIENT });
    make(&mut connection, "/clients", &client).await?;
    let shares = (0..CONNECTIONS).map(|number| async move {
        let mut connection = Connection::open(address).await?;
        let mut made = Vec::new();
        for _ in (number..sessions).step_by(CONNECTIONS) {
            made.push(one(&mut connection, jobs, hold_off).await?);
        }
        anyhow::Ok(made)
    });
    let shares = stream::iter(shares).buffer_unordered(CONNECTIONS);
    let made: Vec<Vec<Furnished>> = shares.try_collect().await?;
    Ok(made.into_iter().flatten().collect())
}

async fn one(connection: &mut Connection, jobs: usize, hold_off: i64) -> Result<Furnished> {
    let session = make(connection, "/sessions", &session(hold_off)).await?;
    let mut first = String::new();
    for _ in 0..jobs {
        let job = make(connection, "/jobs", &job()).await?;
        let path = format!("{PREFIX}/sessions/{session}/jobs/{job}");
        let answer = connection.send("PUT", path, String::new(), TOKEN).await?;
        ensure!(answer.status == StatusCode::NO_CONTENT, "{}", answer.status);
        if first.is_empty() {
            first = job;
        }
    }
    Ok(Furnished {
        session,
        job: first,
    })
}

async fn make(connection: &mut Connection, path: &str, document: &Value) -> Result<String> {
    let body = document.to_string();
    let answer = connection
        .send("POST", format!("{PREFIX}{path}"), body, TOKEN)
        .await?;
    let text = String::from_utf8_lossy(&answer.body);
    ensure!(
        answer.status == StatusCode::CREATED,
        "{path}: {} {text}",
        answer.status
    );
    let made: Value = serde_json::from_slice(&answer.body)?;
    let id = made.as_object().and_then(|made| made.values().next());
    let id = id.and_then(Value::as_str);
    Ok(id.with_context(|| format!("no id: {text}"))?.to_owned())
}
