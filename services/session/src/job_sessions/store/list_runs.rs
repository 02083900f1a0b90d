//! Lists of the runs of a session, the last one first.

use std::collections::HashMap;

use muster_contract::session::{
    ListSessionRuns, SessionRun, SessionRunJob, SessionRunStatus, limits::PAGE_LIMIT,
};
use muster_storage::{Bind, ColumnType, Database, SetStatement, StorageError};
use sqlx::FromRow;

use super::sessions::{job_status, result, unknown};

/// Runs whose jobs are read at a time.
const RUNS_AT_A_TIME: usize = 50;

/// Jobs after which an answer gets no more runs.
const JOB_LIMIT: usize = 10_000;

#[derive(Debug, FromRow)]
struct RunRow {
    tag: i64,
    started_at: i64,
    ended_at: Option<i64>,
    status: String,
    result: Option<String>,
}

#[derive(Debug, FromRow)]
struct RunJobRow {
    number: i64,
    tag: i64,
    job_id: String,
    client_id: String,
    status: String,
    result: Option<String>,
    started_at: Option<i64>,
    ended_at: Option<i64>,
    reason: Option<String>,
}

pub(super) const RUNS: &str = "SELECT tag, started_at, ended_at, status, result FROM session_run \
     WHERE tenant = $1 AND session_id = $2 ORDER BY tag DESC LIMIT $3 OFFSET $4";

pub(super) const RUN: &str = "SELECT tag, started_at, ended_at, status, result FROM session_run \
     WHERE tenant = $1 AND session_id = $2 AND tag = $5 ORDER BY tag DESC LIMIT $3 OFFSET $4";

pub(super) static JOBS: SetStatement = SetStatement::new(
    "SELECT run_job.number, run_job.tag, run_job.job_id, run_job.client_id, run_job.status, run_job.result, \
         run_job.started_at, run_job.ended_at, run_job.reason \
     FROM {rows} JOIN run_job ON run_job.tenant = r.tenant AND run_job.session_id = r.session_id \
         AND run_job.tag = r.tag",
    &[
        ("tenant", ColumnType::Text),
        ("session_id", ColumnType::Text),
        ("tag", ColumnType::Integer),
    ],
);

pub(super) const IS_KNOWN: &str = "SELECT EXISTS (SELECT 1 FROM job_session WHERE tenant = $1 AND session_id = $2) \
     OR EXISTS (SELECT 1 FROM session_run WHERE tenant = $1 AND session_id = $2)";

/// The runs that are asked for, as they are at one moment; `None`: there is no such session, and none has had a run.
pub(crate) async fn list_runs(
    database: &Database,
    question: &ListSessionRuns,
) -> Result<Option<Vec<SessionRun>>, StorageError> {
    let (tenant, session_id) = (&question.tenant, &question.session_id);
    if tenant.contains('\0') || session_id.contains('\0') {
        return Ok(None);
    }
    let mut snapshot = database.snapshot().await?;
    let mut binds: Vec<Bind> = vec![
        tenant.into(),
        session_id.into(),
        question.limit.min(PAGE_LIMIT).into(),
        i64::try_from(question.offset).unwrap_or(i64::MAX).into(),
    ];
    let sql = match question.tag {
        Some(tag) => {
            binds.push(tag.into());
            RUN
        }
        None => RUNS,
    };
    let rows: Vec<RunRow> = snapshot.fetch_all(sql, &binds).await?;
    if rows.is_empty() {
        let names: [Bind; 2] = [tenant.into(), session_id.into()];
        let known: Option<(bool,)> = snapshot.fetch_optional(IS_KNOWN, &names).await?;
        return Ok(known.is_some_and(|(known,)| known).then(Vec::new));
    }
    let mut runs = Vec::with_capacity(rows.len());
    let mut jobs_so_far = 0;
    let mut rows = rows.into_iter();
    loop {
        let some: Vec<RunRow> = rows.by_ref().take(RUNS_AT_A_TIME).collect();
        if some.is_empty() {
            return Ok(Some(runs));
        }
        let keys: Vec<Vec<Bind>> = some
            .iter()
            .map(|run| vec![tenant.into(), session_id.into(), run.tag.into()])
            .collect();
        let mut jobs: HashMap<i64, Vec<SessionRunJob>> = HashMap::new();
        let found: Vec<RunJobRow> = snapshot.fetch_set(&JOBS, &keys).await?;
        for row in found {
            let tag = row.tag;
            jobs.entry(tag).or_default().push(row.into_job()?);
        }
        for row in some {
            let jobs = jobs.remove(&row.tag).unwrap_or_default();
            if jobs_so_far > 0 && jobs_so_far + jobs.len() > JOB_LIMIT {
                return Ok(Some(runs));
            }
            jobs_so_far += jobs.len();
            runs.push(row.into_run(jobs)?);
        }
    }
}

impl RunRow {
    fn into_run(self, mut jobs: Vec<SessionRunJob>) -> Result<SessionRun, StorageError> {
        jobs.sort_unstable_by(|one, other| one.job_id.cmp(&other.job_id));
        let status = SessionRunStatus::from_name(&self.status);
        Ok(SessionRun {
            tag: self.tag,
            status: status.ok_or_else(|| unknown("status", &self.status))?,
            result: result(self.result.as_deref())?,
            started_at: self.started_at,
            ended_at: self.ended_at,
            jobs,
        })
    }
}

impl RunJobRow {
    fn into_job(self) -> Result<SessionRunJob, StorageError> {
        Ok(SessionRunJob {
            number: self.number,
            job_id: self.job_id,
            client_id: self.client_id,
            status: job_status(&self.status)?,
            result: result(self.result.as_deref())?,
            started_at: self.started_at,
            ended_at: self.ended_at,
            reason: self.reason,
        })
    }
}
