//! What is due by time.

use muster_storage::{StorageError, Transaction};
use uuid::Uuid;

use super::session_row::id;

pub(super) const DUE: &str = "SELECT id FROM compute_session \
     WHERE due_at IS NOT NULL AND due_at <= $1 ORDER BY due_at LIMIT $2";

pub(super) const FORGET: &str = "DELETE FROM compute_session WHERE id IN ( \
     SELECT id FROM compute_session WHERE terminated_at IS NOT NULL AND status_changed_at < $1 \
     ORDER BY status_changed_at LIMIT $2)";

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
    transaction
        .execute(FORGET, &[before.into(), limit.into()])
        .await
}
