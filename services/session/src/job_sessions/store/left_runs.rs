//! What became of jobs in runs of sessions that they have left.

use std::collections::{BTreeSet, HashMap};

use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};
use sqlx::FromRow;

use super::sessions::{SessionKey, result};
use crate::job_sessions::domain::run::Left;

pub(super) static LEFT: SetStatement = SetStatement::new(
    "SELECT run_job.tenant, run_job.session_id, run_job.tag, run_job.job_id, run_job.result, run_job.started_at, \
         run_job.ended_at \
     FROM {rows} \
     JOIN job_session ON job_session.tenant = r.tenant AND job_session.session_id = r.session_id \
     JOIN run_job ON run_job.tenant = r.tenant AND run_job.session_id = r.session_id \
         AND run_job.tag = job_session.tag AND run_job.job_id = r.job_id",
    &[
        ("tenant", ColumnType::Text),
        ("session_id", ColumnType::Text),
        ("job_id", ColumnType::Text),
    ],
);

#[derive(Debug, FromRow)]
struct LeftRow {
    tenant: String,
    session_id: String,
    tag: i64,
    job_id: String,
    result: Option<String>,
    started_at: Option<i64>,
    ended_at: Option<i64>,
}

/// Those of these sessions and jobs of which the job was in the session's last run.
pub(crate) async fn left_runs(
    transaction: &mut Transaction,
    pairs: &BTreeSet<(SessionKey, String)>,
) -> Result<HashMap<(SessionKey, String), Left>, StorageError> {
    if pairs.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<Vec<Bind>> = pairs
        .iter()
        .map(|((tenant, session_id), job_id)| vec![tenant.into(), session_id.into(), job_id.into()])
        .collect();
    let rows: Vec<LeftRow> = transaction.fetch_set(&LEFT, &rows).await?;
    rows.into_iter()
        .map(|row| {
            let left = Left {
                tag: row.tag,
                result: result(row.result.as_deref())?,
                started_at: row.started_at,
                ended_at: row.ended_at,
            };
            Ok((((row.tenant, row.session_id), row.job_id), left))
        })
        .collect()
}
