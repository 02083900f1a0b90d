//! What is to be published because a transaction committed.
//!
//! The rows are written in the transaction that made the facts true and published after it. A row keeps the stream
//! sequences it got, so that a broker that lost its last messages can be given them again. Commits are not in the
//! order of anything in these rows: what is still to be done is asked for as such, never as "newer than the last".

use sqlx::FromRow;

use crate::{Bind, ColumnType, Database, SetStatement, StorageError, Transaction};

/// The messages of one batch for one stream, to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOutboxRecord {
    /// The row's id; the messages' broker ids derive from it.
    pub id: String,
    /// The stream the messages go to.
    pub stream: String,
    /// The messages, as a JSON array.
    pub messages: String,
    /// How many there are.
    pub message_count: i64,
    /// When they were written, in microseconds since 1970 (UTC).
    pub created_at: i64,
}

/// A row of the outbox.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct OutboxRecord {
    /// The row's id; the messages' broker ids derive from it.
    pub id: String,
    /// The stream the messages go to.
    pub stream: String,
    /// The messages, as a JSON array.
    pub messages: String,
    /// How many there are.
    pub message_count: i64,
    /// When they were written, in microseconds since 1970 (UTC).
    pub created_at: i64,
    /// When the broker had acknowledged all of them, in microseconds since 1970 (UTC).
    pub published_at: Option<i64>,
    /// The lowest stream sequence of them.
    pub first_sequence: Option<i64>,
    /// The highest stream sequence of them.
    pub last_sequence: Option<i64>,
}

/// What the broker answered to the messages of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The row's id.
    pub id: String,
    /// When the broker had acknowledged all of them, in microseconds since 1970 (UTC).
    pub published_at: i64,
    /// The lowest stream sequence of them.
    pub first_sequence: i64,
    /// The highest stream sequence of them.
    pub last_sequence: i64,
}

pub(crate) static APPEND: SetStatement = SetStatement::new(
    "INSERT INTO outbox (id, stream, messages, message_count, created_at) \
     SELECT r.id, r.stream, r.messages, r.message_count, r.created_at FROM {rows}",
    &[
        ("id", ColumnType::Text),
        ("stream", ColumnType::Text),
        ("messages", ColumnType::Text),
        ("message_count", ColumnType::Integer),
        ("created_at", ColumnType::Integer),
    ],
);

pub(crate) static MARK_PUBLISHED: SetStatement = SetStatement::new(
    "UPDATE outbox SET published_at = r.published_at, first_sequence = r.first_sequence, \
     last_sequence = r.last_sequence FROM {rows} WHERE outbox.id = r.id",
    &[
        ("id", ColumnType::Text),
        ("published_at", ColumnType::Integer),
        ("first_sequence", ColumnType::Integer),
        ("last_sequence", ColumnType::Integer),
    ],
);

pub(crate) static MARK_LOST: SetStatement = SetStatement::new(
    "UPDATE outbox SET published_at = NULL, first_sequence = NULL, last_sequence = NULL \
     FROM {rows} WHERE outbox.id = r.id AND outbox.last_sequence = r.last_sequence",
    &[
        ("id", ColumnType::Text),
        ("last_sequence", ColumnType::Integer),
    ],
);

pub(crate) const UNPUBLISHED: &str = "SELECT id, stream, messages, message_count, created_at, published_at, first_sequence, last_sequence \
     FROM outbox WHERE published_at IS NULL AND created_at < $1 ORDER BY created_at, id LIMIT $2";

pub(crate) const LAST_PUBLISHED: &str =
    "SELECT MAX(last_sequence) FROM outbox WHERE stream = $1 AND last_sequence IS NOT NULL";

pub(crate) const PUBLISHED_FROM: &str = "SELECT id, stream, messages, message_count, created_at, published_at, first_sequence, last_sequence \
     FROM outbox WHERE stream = $1 AND last_sequence IS NOT NULL AND last_sequence >= $2 \
     AND (last_sequence, id) < ($3, $4) ORDER BY last_sequence DESC, id DESC LIMIT $5";

pub(crate) const UNPUBLISHED_STATS: &str =
    "SELECT COUNT(*), MIN(created_at) FROM outbox WHERE published_at IS NULL";

pub(crate) const FORGET_PUBLISHED_BEFORE: &str = "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox \
     WHERE published_at IS NOT NULL AND published_at < $1 ORDER BY published_at LIMIT $2)";

/// Adds rows to be published after the commit.
pub async fn append(
    transaction: &mut Transaction,
    records: &[NewOutboxRecord],
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = records
        .iter()
        .map(|record| {
            vec![
                (&record.id).into(),
                (&record.stream).into(),
                (&record.messages).into(),
                record.message_count.into(),
                record.created_at.into(),
            ]
        })
        .collect();
    transaction.write_set(&APPEND, &rows).await
}

/// Up to `limit` rows written before `created_before` (microseconds since 1970) that are not published, oldest first.
pub async fn unpublished(
    database: &Database,
    created_before: i64,
    limit: i64,
) -> Result<Vec<OutboxRecord>, StorageError> {
    database
        .fetch_all(UNPUBLISHED, &[created_before.into(), limit.into()])
        .await
}

/// Notes that the broker has the rows' messages, and where; also when they were published again. Returns how many rows
/// were found.
pub async fn mark_published(
    transaction: &mut Transaction,
    marks: &[Mark],
) -> Result<u64, StorageError> {
    let rows: Vec<Vec<Bind>> = marks
        .iter()
        .map(|mark| {
            vec![
                (&mark.id).into(),
                mark.published_at.into(),
                mark.first_sequence.into(),
                mark.last_sequence.into(),
            ]
        })
        .collect();
    transaction.execute_set(&MARK_PUBLISHED, &rows).await
}

/// Takes marks off again, since the broker has lost the rows' messages: they count as not published. A row that was marked
/// anew meanwhile, with another last sequence, stays as it is. Returns how many rows were changed.
pub async fn mark_lost(transaction: &mut Transaction, marks: &[Mark]) -> Result<u64, StorageError> {
    let rows: Vec<Vec<Bind>> = marks
        .iter()
        .map(|mark| vec![(&mark.id).into(), mark.last_sequence.into()])
        .collect();
    transaction.execute_set(&MARK_LOST, &rows).await
}

/// The highest sequence that the stream is known to have had, if any row about it is left.
pub async fn last_published(
    database: &Database,
    stream: &str,
) -> Result<Option<i64>, StorageError> {
    let row: Option<(Option<i64>,)> = database
        .fetch_optional(LAST_PUBLISHED, &[stream.into()])
        .await?;
    Ok(row.and_then(|(sequence,)| sequence))
}

/// Up to `limit` published rows of a stream whose last sequence is `sequence` or higher, highest first: what a broker
/// that ends before `sequence` has lost. `before` is the last sequence and the id of the last row of the page before.
pub async fn published_from(
    database: &Database,
    stream: &str,
    sequence: i64,
    before: Option<(i64, &str)>,
    limit: i64,
) -> Result<Vec<OutboxRecord>, StorageError> {
    let (before_sequence, before_id) = before.unwrap_or((i64::MAX, ""));
    database
        .fetch_all(
            PUBLISHED_FROM,
            &[
                stream.into(),
                sequence.into(),
                before_sequence.into(),
                before_id.into(),
                limit.into(),
            ],
        )
        .await
}

/// How many rows are not published, and when the oldest of them was written (microseconds since 1970).
pub async fn unpublished_stats(database: &Database) -> Result<(i64, Option<i64>), StorageError> {
    let row = database.fetch_optional(UNPUBLISHED_STATS, &[]).await?;
    Ok(row.unwrap_or((0, None)))
}

/// Deletes up to `limit` rows published before `micros` (microseconds since 1970), oldest first, and tells how many.
pub async fn forget_published_before(
    transaction: &mut Transaction,
    micros: i64,
    limit: i64,
) -> Result<u64, StorageError> {
    transaction
        .execute(FORGET_PUBLISHED_BEFORE, &[micros.into(), limit.into()])
        .await
}
