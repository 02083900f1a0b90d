//! Runs that ended long ago, taken out of the history.

use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};

/// The last run under a tenant and id stays, also when the session is gone: tags go on from it.
pub(super) const ENDED: &str = "SELECT run.tenant, run.session_id, run.tag FROM session_run AS run \
     WHERE run.ended_at < $1 AND EXISTS (SELECT 1 FROM session_run AS later \
         WHERE later.tenant = run.tenant AND later.session_id = run.session_id AND later.tag > run.tag) \
     ORDER BY run.ended_at LIMIT $2";

const RUN_KEY: &[(&str, ColumnType)] = &[
    ("tenant", ColumnType::Text),
    ("session_id", ColumnType::Text),
    ("tag", ColumnType::Integer),
];

pub(super) static FORGET_JOBS: SetStatement = SetStatement::new(
    "DELETE FROM run_job WHERE (tenant, session_id, tag) IN (SELECT r.tenant, r.session_id, r.tag FROM {rows})",
    RUN_KEY,
);

pub(super) static FORGET_RUNS: SetStatement = SetStatement::new(
    "DELETE FROM session_run WHERE (tenant, session_id, tag) IN (SELECT r.tenant, r.session_id, r.tag FROM {rows})",
    RUN_KEY,
);

/// Forgets the oldest runs that ended before that time and are not the last of their session, so many at most, with their
/// jobs; says how many it were. Nothing is written to such a run any more, so no session has to be locked.
pub(crate) async fn forget_ended_runs(
    transaction: &mut Transaction,
    before: i64,
    limit: i64,
) -> Result<usize, StorageError> {
    let ended: Vec<(String, String, i64)> = transaction
        .fetch_all(ENDED, &[before.into(), limit.into()])
        .await?;
    let rows: Vec<Vec<Bind>> = ended
        .iter()
        .map(|(tenant, session_id, tag)| vec![tenant.into(), session_id.into(), (*tag).into()])
        .collect();
    transaction.execute_set(&FORGET_JOBS, &rows).await?;
    transaction.execute_set(&FORGET_RUNS, &rows).await?;
    Ok(rows.len())
}
