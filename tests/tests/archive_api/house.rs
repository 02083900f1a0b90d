//! A running Muster with jobs of which every one is new.

use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::{Context, Result, ensure};
use muster_testkit::{DEADLINE, eventually};
use muster_tests::{
    Answer, Client, Engine, System, SystemOptions, Tables, client::send, jobs, site,
};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{ConnectOptions as _, Connection as _, sqlite::SqliteConnectOptions};

/// Jobs of this user cannot be written: that is what a database in trouble looks like.
pub(crate) const BROKEN: &str = "broken";

/// What makes it so.
const TROUBLE: [&str; 4] = [
    "CREATE TRIGGER broken_insert BEFORE INSERT ON job WHEN NEW.user_name = 'broken' AND NEW.smt = 7 \
     BEGIN SELECT RAISE(ABORT, 'broken'); END",
    "CREATE TRIGGER broken_update BEFORE UPDATE ON job WHEN OLD.user_name = 'broken' AND NEW.state <> OLD.state \
     BEGIN SELECT RAISE(ABORT, 'broken'); END",
    "CREATE TRIGGER broken_delete BEFORE DELETE ON job WHEN OLD.user_name = 'broken' \
     BEGIN SELECT RAISE(ABORT, 'broken'); END",
    "CREATE TRIGGER broken_tag BEFORE INSERT ON job_tag \
     WHEN (SELECT user_name FROM job WHERE id = NEW.job) = 'broken' BEGIN SELECT RAISE(ABORT, 'broken'); END",
];

pub(crate) struct House {
    pub(crate) system: System,
    pub(crate) alpha: Client,
    /// Numbers of jobs.
    next: AtomicI64,
}

/// A job that was started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Started {
    pub(crate) id: i64,
    pub(crate) job_id: i64,
    pub(crate) start_time: i64,
}

impl House {
    pub(crate) async fn open() -> Result<Self> {
        let system = System::up(SystemOptions::new(Engine::Sqlite)).await?;
        let alpha = system.alpha()?;
        Ok(Self {
            system,
            alpha,
            next: AtomicI64::new(1),
        })
    }

    /// From now on jobs of [`BROKEN`] cannot be written.
    pub(crate) async fn get_into_trouble(&self) -> Result<()> {
        for statement in TROUBLE {
            self.run(statement).await?;
        }
        Ok(())
    }

    /// Runs a statement on the archive's tables behind its back.
    pub(crate) async fn run(&self, statement: &'static str) -> Result<()> {
        let Tables::Sqlite(path) = self.system.tables() else {
            anyhow::bail!("the house is on SQLite");
        };
        let options = SqliteConnectOptions::new().filename(path);
        let mut connection = options.connect().await?;
        sqlx::query(statement).execute(&mut connection).await?;
        connection.close().await?;
        Ok(())
    }

    /// A start that nothing is in the way of. Each is a second later than the one before.
    pub(crate) fn new_start(&self) -> Value {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let start_time = jobs::START_TIME + number;
        jobs::with(jobs::start(number), &json!({ "startTime": start_time }))
    }

    /// A job that runs, with these members in place of its own.
    pub(crate) async fn running(&self, changes: &Value) -> Result<Started> {
        let start = jobs::with(self.new_start(), changes);
        let (status, answer) = self.alpha.start_job(&start).await?;
        ensure!(status == 201, "{status} {answer}");
        let number = |value: &Value| value.as_i64().context("no number");
        Ok(Started {
            id: number(&answer["id"])?,
            job_id: number(&start["jobId"])?,
            start_time: number(&start["startTime"])?,
        })
    }

    /// Sends a request with a token of tenant alpha, with the content type of a hand-written `curl -d`.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: &Value) -> Result<Answer> {
        ask(&self.alpha, method, path, body).await
    }

    /// What the tables say of jobs and tags, once the files of all that has stopped are written: that a job is archived is
    /// noted in its row, some time after the answer.
    pub(crate) async fn told(&self) -> Result<Vec<muster_tests::tables::Record>> {
        let tables = self.system.tables();
        eventually(DEADLINE, "files to be written", async || {
            let left = tables.rows("archive_work").await.ok()?;
            left.is_empty().then_some(())
        })
        .await?;
        let mut rows = tables.rows("job").await?;
        rows.extend(tables.rows("job_tag").await?);
        rows.extend(tables.rows("tag").await?);
        Ok(rows)
    }

    /// A client of the other tenant.
    pub(crate) fn stranger(&self) -> Result<Client> {
        self.system.client(site::BETA_API)
    }
}

/// Sends a request; no body where it is `null`.
pub(crate) async fn ask(
    client: &Client,
    method: Method,
    path: &str,
    body: &Value,
) -> Result<Answer> {
    let mut request = client.request(method, path);
    if !body.is_null() {
        request = request
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(body.to_string());
    }
    send(request).await
}

impl Started {
    /// What stops it.
    pub(crate) fn stop(self) -> Value {
        json!({
            "jobId": self.job_id,
            "cluster": site::TEST_CLUSTER,
            "startTime": self.start_time,
            "stopTime": self.start_time + 600,
            "jobState": "completed",
        })
    }
}
