//! What is due by time.

use muster_storage::{StorageError, Transaction};
use uuid::Uuid;

use super::{counts, session_row::id};

pub(super) const DUE: &str = "SELECT id FROM compute_session \
     WHERE due_at IS NOT NULL AND due_at <= $1 ORDER BY due_at LIMIT $2";

pub(super) const FORGET: &str = "DELETE FROM compute_session WHERE id IN ( \
     SELECT id FROM compute_session WHERE terminated_at IS NOT NULL AND status_changed_at < $1 \
     ORDER BY status_changed_at LIMIT $2) RETURNING owner, tenant, domain, status";

/// Sessions that have to be looked at, those that have waited longest first.
pub(crate) async fn due_sessions(
    transaction: &mut Transaction,
    now: i64,
    limit: i64,
) -> Result<Vec<Uuid>, StorageError> {
    let binds = [now.into(), limit.into()];
    let rows: Vec<(String,)> = transaction.fetch_all(DUE, &binds).await?;
    rows.iter().map(|(session,)| id(session)).collect()
}

/// Forgets some of those that were over before this time; tells how many.
pub(crate) async fn forget(
    transaction: &mut Transaction,
    before: i64,
    limit: i64,
) -> Result<u64, StorageError> {
    let binds = [before.into(), limit.into()];
    let rows: Vec<(String, String, String, String)> = transaction.fetch_all(FORGET, &binds).await?;
    let forgotten = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    for (owner, tenant, domain, status) in rows {
        counts::went(transaction, [owner, tenant, domain, status]);
    }
    Ok(forgotten)
}
