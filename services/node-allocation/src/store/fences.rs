//! Sessions that get nothing any more, and requests that were cancelled.

use std::collections::{BTreeSet, HashSet};

use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};

static FENCE: SetStatement = SetStatement::new(
    "INSERT INTO fence (name, fenced_at) SELECT r.name, r.fenced_at FROM {rows} WHERE true ON CONFLICT DO NOTHING",
    &[
        ("name", ColumnType::Text),
        ("fenced_at", ColumnType::Integer),
    ],
);

pub(super) static FENCED: SetStatement = SetStatement::new(
    "SELECT fence.name FROM {rows} JOIN fence ON fence.name = r.name",
    &[("name", ColumnType::Text)],
);

pub(super) const FORGET: &str = "DELETE FROM fence WHERE name IN \
     (SELECT name FROM fence WHERE fenced_at < $1 ORDER BY fenced_at LIMIT $2)";

/// Puts a fence around each.
pub(crate) async fn fence(
    transaction: &mut Transaction,
    now: i64,
    names: impl IntoIterator<Item = String>,
) -> Result<(), StorageError> {
    let names: BTreeSet<String> = names.into_iter().collect();
    let rows: Vec<Vec<Bind>> = names
        .into_iter()
        .map(|name| vec![name.into(), now.into()])
        .collect();
    transaction.write_set(&FENCE, &rows).await
}

/// Those of the names that have a fence around them.
pub(crate) async fn fenced(
    transaction: &mut Transaction,
    names: impl IntoIterator<Item = String>,
) -> Result<HashSet<String>, StorageError> {
    let names: BTreeSet<String> = names.into_iter().collect();
    let rows: Vec<Vec<Bind>> = names.into_iter().map(|name| vec![name.into()]).collect();
    let rows: Vec<(String,)> = transaction.fetch_set(&FENCED, &rows).await?;
    Ok(rows.into_iter().map(|(name,)| name).collect())
}

/// Forgets the oldest fences of before that time, so many at most; says how many it were.
pub(crate) async fn forget(
    transaction: &mut Transaction,
    before: i64,
    limit: i64,
) -> Result<u64, StorageError> {
    transaction
        .execute(FORGET, &[before.into(), limit.into()])
        .await
}
