//! The history of leases.

use muster_storage::{StorageError, Transaction};

pub(super) const FORGET: &str = "DELETE FROM lease WHERE (node, generation) IN \
     (SELECT node, generation FROM lease WHERE released_at < $1 ORDER BY released_at LIMIT $2)";

/// Forgets the oldest leases that ended before that time, so many at most; says how many it were.
pub(crate) async fn forget(
    transaction: &mut Transaction,
    before: i64,
    limit: i64,
) -> Result<u64, StorageError> {
    transaction
        .execute(FORGET, &[before.into(), limit.into()])
        .await
}
