//! The traces that work belongs to which goes on later.

use sqlx::FromRow;

use crate::{Bind, ColumnType, SetStatement, StorageError, Transaction};

/// The trace of the latest request about something.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Origin {
    /// What it is about, such as `session/…`.
    pub subject: String,
    /// Its W3C `traceparent`.
    pub traceparent: String,
}

pub(crate) static NOTE: SetStatement = SetStatement::new(
    "INSERT INTO origins (subject, traceparent, noted_at) SELECT r.subject, r.traceparent, r.noted_at FROM {rows} WHERE true \
     ON CONFLICT (subject) DO UPDATE SET traceparent = excluded.traceparent, noted_at = excluded.noted_at",
    &[
        ("subject", ColumnType::Text),
        ("traceparent", ColumnType::Text),
        ("noted_at", ColumnType::Integer),
    ],
);

pub(crate) static FIND: SetStatement = SetStatement::new(
    "SELECT origins.subject, origins.traceparent FROM {rows} JOIN origins ON origins.subject = r.subject",
    &[("subject", ColumnType::Text)],
);

pub(crate) const FORGET_BEFORE: &str = "DELETE FROM origins WHERE subject IN \
     (SELECT subject FROM origins WHERE noted_at < $1 ORDER BY noted_at LIMIT $2)";

/// Notes origins, each subject given once, at `now` (microseconds since 1970, UTC). A later one takes the place of an earlier.
pub async fn note(
    transaction: &mut Transaction,
    origins: &[Origin],
    now: i64,
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = origins
        .iter()
        .map(|origin| {
            vec![
                (&origin.subject).into(),
                (&origin.traceparent).into(),
                now.into(),
            ]
        })
        .collect();
    transaction.write_set(&NOTE, &rows).await
}

/// The origins that are known of these subjects, each given once, in no promised order.
pub async fn find<'a>(
    transaction: &mut Transaction,
    subjects: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<Origin>, StorageError> {
    let rows: Vec<Vec<Bind>> = subjects
        .into_iter()
        .map(|subject| vec![subject.into()])
        .collect();
    transaction.fetch_set(&FIND, &rows).await
}

/// Deletes up to `limit` origins noted before `micros` (microseconds since 1970, UTC), oldest first, and tells how many.
pub async fn forget_before(
    transaction: &mut Transaction,
    micros: i64,
    limit: i64,
) -> Result<u64, StorageError> {
    transaction
        .execute(FORGET_BEFORE, &[micros.into(), limit.into()])
        .await
}
