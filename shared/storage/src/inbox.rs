//! What has been handled: the ground of "exactly once".
//!
//! A handler records the message in the same transaction as its effects. A message that is delivered again finds its
//! row, and with it the outcome it had the first time.

use sqlx::FromRow;

use crate::{Bind, ColumnType, Database, SetStatement, StorageError, Transaction};

/// A message that has been handled.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct InboxRecord {
    /// The message's identity and the handler's name, since two handlers may get the same message.
    pub id: String,
    /// A digest of the message, to refuse another message under the same id.
    pub fingerprint: Option<String>,
    /// What came out, as JSON; of an event `null`. None: a command that was begun, and whose outcome
    /// [comes later](crate::late_outcomes).
    pub outcome: Option<String>,
    /// When it was handled, in microseconds since 1970 (UTC).
    pub received_at: i64,
}

pub(crate) static RECORDED: SetStatement = SetStatement::new(
    "SELECT i.id, i.fingerprint, i.outcome, i.received_at FROM {rows} JOIN inbox AS i ON i.id = r.id",
    &[("id", ColumnType::Text)],
);

pub(crate) static RECORD: SetStatement = SetStatement::new(
    "INSERT INTO inbox (id, fingerprint, outcome, received_at) \
     SELECT r.id, r.fingerprint, r.outcome, r.received_at FROM {rows} WHERE true \
     ON CONFLICT (id) DO NOTHING RETURNING id",
    &[
        ("id", ColumnType::Text),
        ("fingerprint", ColumnType::Text),
        ("outcome", ColumnType::Text),
        ("received_at", ColumnType::Integer),
    ],
);

pub(crate) const FIND: &str =
    "SELECT id, fingerprint, outcome, received_at FROM inbox WHERE id = $1";

pub(crate) const FORGET_BEFORE: &str = "DELETE FROM inbox WHERE id IN \
     (SELECT id FROM inbox WHERE received_at < $1 AND outcome IS NOT NULL ORDER BY received_at LIMIT $2)";

/// The records there are for `ids` (each given once), in no particular order.
pub async fn recorded(
    transaction: &mut Transaction,
    ids: &[String],
) -> Result<Vec<InboxRecord>, StorageError> {
    let rows: Vec<Vec<Bind>> = ids.iter().map(|id| vec![id.into()]).collect();
    transaction.fetch_set(&RECORDED, &rows).await
}

/// Records messages as handled and returns the ids that were new.
///
/// If another transaction is recording one of them at this moment, this waits for its end.
pub async fn record(
    transaction: &mut Transaction,
    records: &[InboxRecord],
) -> Result<Vec<String>, StorageError> {
    let rows: Vec<Vec<Bind>> = records
        .iter()
        .map(|record| {
            vec![
                (&record.id).into(),
                Bind::Text(record.fingerprint.clone()),
                Bind::Text(record.outcome.clone()),
                record.received_at.into(),
            ]
        })
        .collect();
    let inserted: Vec<(String,)> = transaction.fetch_set(&RECORD, &rows).await?;
    Ok(inserted.into_iter().map(|(id,)| id).collect())
}

/// The record of one message.
pub async fn find(database: &Database, id: &str) -> Result<Option<InboxRecord>, StorageError> {
    database.fetch_optional(FIND, &[id.into()]).await
}

/// Deletes up to `limit` records of messages handled before `micros` (microseconds since 1970), oldest first, and
/// tells how many it deleted. A message delivered again later would count as new. Commands whose outcome is still to come
/// are not forgotten.
pub async fn forget_before(
    transaction: &mut Transaction,
    micros: i64,
    limit: i64,
) -> Result<u64, StorageError> {
    transaction
        .execute(FORGET_BEFORE, &[micros.into(), limit.into()])
        .await
}
