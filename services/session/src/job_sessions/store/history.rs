//! The runs of sessions, written in sets.

use std::collections::HashMap;

use muster_contract::session::{RunJobStatus, RunResult, SessionRunStatus};
use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};
use sqlx::FromRow;

use super::{backup_jobs::key_rows, sessions::SessionKey};

/// A run of a session.
#[derive(Debug, Clone)]
pub(crate) struct RunRecord {
    pub(crate) started_at: i64,
    pub(crate) ended_at: Option<i64>,
    pub(crate) status: SessionRunStatus,
    pub(crate) result: Option<RunResult>,
}

/// What became of a job in a run.
#[derive(Debug, Clone)]
pub(crate) struct RunJobRecord {
    pub(crate) client_id: String,
    pub(crate) status: RunJobStatus,
    pub(crate) result: Option<RunResult>,
    pub(crate) started_at: Option<i64>,
    pub(crate) ended_at: Option<i64>,
    pub(crate) reason: Option<String>,
}

/// A run: its session and its tag.
pub(crate) type RunKey = (SessionKey, i64);

/// A job of a run.
pub(crate) type RunJobKey = (RunKey, String);

pub(super) static SAVE_RUNS: SetStatement = SetStatement::new(
    "INSERT INTO session_run (tenant, session_id, tag, started_at, ended_at, status, result) \
     SELECT r.tenant, r.session_id, r.tag, r.started_at, r.ended_at, r.status, r.result \
     FROM {rows} WHERE true ON CONFLICT (tenant, session_id, tag) DO UPDATE SET ended_at = excluded.ended_at, \
         status = excluded.status, result = excluded.result",
    &[
        ("tenant", ColumnType::Text),
        ("session_id", ColumnType::Text),
        ("tag", ColumnType::Integer),
        ("started_at", ColumnType::Integer),
        ("ended_at", ColumnType::Integer),
        ("status", ColumnType::Text),
        ("result", ColumnType::Text),
    ],
);

pub(super) static SAVE_JOBS: SetStatement = SetStatement::new(
    "INSERT INTO run_job (tenant, session_id, tag, job_id, client_id, status, result, started_at, ended_at, reason) \
     SELECT r.tenant, r.session_id, r.tag, r.job_id, r.client_id, r.status, r.result, r.started_at, r.ended_at, r.reason \
     FROM {rows} WHERE true ON CONFLICT (tenant, session_id, tag, job_id) DO UPDATE SET status = excluded.status, \
         result = excluded.result, started_at = excluded.started_at, ended_at = excluded.ended_at, \
         reason = excluded.reason \
     RETURNING number, tenant, session_id, tag, job_id",
    &[
        ("tenant", ColumnType::Text),
        ("session_id", ColumnType::Text),
        ("tag", ColumnType::Integer),
        ("job_id", ColumnType::Text),
        ("client_id", ColumnType::Text),
        ("status", ColumnType::Text),
        ("result", ColumnType::Text),
        ("started_at", ColumnType::Integer),
        ("ended_at", ColumnType::Integer),
        ("reason", ColumnType::Text),
    ],
);

/// The greatest tag is asked for as a value, by the primary key.
pub(super) static LAST_TAGS: SetStatement = SetStatement::new(
    "SELECT r.tenant, r.id AS session_id, COALESCE((SELECT MAX(run.tag) FROM session_run AS run \
         WHERE run.tenant = r.tenant AND run.session_id = r.id), 0) AS tag FROM {rows}",
    &[("tenant", ColumnType::Text), ("id", ColumnType::Text)],
);

/// Who made a job, and the registration of its client.
pub(super) static WHEREABOUTS: SetStatement = SetStatement::new(
    "SELECT r.tenant, r.job_id, \
         (SELECT backup_job.user_name FROM backup_job \
             WHERE backup_job.tenant = r.tenant AND backup_job.job_id = r.job_id) AS user_name, \
         (SELECT backup_client.document FROM backup_client \
             WHERE backup_client.tenant = r.tenant AND backup_client.client_id = r.client_id) AS client \
     FROM {rows}",
    &[
        ("tenant", ColumnType::Text),
        ("job_id", ColumnType::Text),
        ("client_id", ColumnType::Text),
    ],
);

/// Writes runs. Each once.
pub(crate) async fn save_runs<'a>(
    transaction: &mut Transaction,
    runs: impl IntoIterator<Item = (&'a RunKey, &'a RunRecord)>,
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = runs
        .into_iter()
        .map(|(((tenant, session_id), tag), run)| {
            vec![
                tenant.into(),
                session_id.into(),
                (*tag).into(),
                run.started_at.into(),
                run.ended_at.into(),
                run.status.name().into(),
                run.result.map(RunResult::name).map(str::to_owned).into(),
            ]
        })
        .collect();
    transaction.execute_set(&SAVE_RUNS, &rows).await?;
    Ok(())
}

#[derive(Debug, FromRow)]
struct NumberRow {
    number: i64,
    tenant: String,
    session_id: String,
    tag: i64,
    job_id: String,
}

/// Writes what became of jobs in runs, each once. Returns their numbers.
pub(crate) async fn save_run_jobs<'a>(
    transaction: &mut Transaction,
    jobs: impl IntoIterator<Item = (&'a RunJobKey, &'a RunJobRecord)>,
) -> Result<HashMap<RunJobKey, i64>, StorageError> {
    let rows: Vec<Vec<Bind>> = jobs
        .into_iter()
        .map(|((((tenant, session_id), tag), job_id), job)| {
            vec![
                tenant.into(),
                session_id.into(),
                (*tag).into(),
                job_id.into(),
                (&job.client_id).into(),
                job.status.name().into(),
                job.result.map(RunResult::name).map(str::to_owned).into(),
                job.started_at.into(),
                job.ended_at.into(),
                Bind::Text(job.reason.clone()),
            ]
        })
        .collect();
    let rows: Vec<NumberRow> = transaction.fetch_set(&SAVE_JOBS, &rows).await?;
    let numbered = rows.into_iter().map(|row| {
        let run = ((row.tenant, row.session_id), row.tag);
        ((run, row.job_id), row.number)
    });
    Ok(numbered.collect())
}

#[derive(Debug, FromRow)]
struct TagRow {
    tenant: String,
    session_id: String,
    tag: i64,
}

/// The tags of the last runs under these tenants and ids, also of sessions that were deleted; 0 = there was none.
pub(crate) async fn last_tags<'a>(
    transaction: &mut Transaction,
    keys: impl IntoIterator<Item = &'a SessionKey>,
) -> Result<HashMap<SessionKey, i64>, StorageError> {
    let keys = keys.into_iter();
    let keys = key_rows(keys.map(|(tenant, id)| (tenant.as_str(), id.as_str())));
    let rows: Vec<TagRow> = transaction.fetch_set(&LAST_TAGS, &keys).await?;
    let rows = rows.into_iter();
    Ok(rows
        .map(|row| ((row.tenant, row.session_id), row.tag))
        .collect())
}

/// Where a job ran, and for whom.
#[derive(Debug, Clone, Default)]
pub(crate) struct Whereabouts {
    /// Who made the job; `None` = it is gone.
    pub(crate) user: Option<String>,
    /// Name of the machine, if the client is registered and says so.
    pub(crate) hostname: Option<String>,
}

#[derive(Debug, FromRow)]
struct WhereaboutsRow {
    tenant: String,
    job_id: String,
    user_name: Option<String>,
    client: Option<String>,
}

/// What is known of these jobs of tenants, each with its client.
pub(crate) async fn whereabouts(
    transaction: &mut Transaction,
    jobs: impl IntoIterator<Item = (&str, &str, &str)>,
) -> Result<HashMap<(String, String), Whereabouts>, StorageError> {
    let rows: Vec<Vec<Bind>> = jobs
        .into_iter()
        .map(|(tenant, job_id, client_id)| vec![tenant.into(), job_id.into(), client_id.into()])
        .collect();
    let rows: Vec<WhereaboutsRow> = transaction.fetch_set(&WHEREABOUTS, &rows).await?;
    let rows = rows.into_iter().map(|row| {
        let known = Whereabouts {
            user: row.user_name,
            hostname: row.client.as_deref().and_then(hostname),
        };
        ((row.tenant, row.job_id), known)
    });
    Ok(rows.collect())
}

fn hostname(document: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Client {
        hostname: Option<String>,
    }
    let client: Client = serde_json::from_str(document).ok()?;
    client.hostname.filter(|hostname| !hostname.is_empty())
}
