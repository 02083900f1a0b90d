//! Stops that came before their start.

use muster_contract::job_archive::{JobStarted, JobState};
use muster_platform::Timestamp;
use muster_storage::{Bind, ColumnType, LockKey, SetStatement, StorageError, Transaction};
use sqlx::FromRow;

use super::job_row::state;

/// A stop that waits for its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewEarlyStop<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) job_id: i64,
    /// `None` where the producer did not say.
    pub(crate) cluster: Option<&'a str>,
    pub(crate) start_time: Option<i64>,
    pub(crate) stop_time: i64,
    pub(crate) state: JobState,
    /// The subject that it came to.
    pub(crate) subject: &'a str,
    /// The line that told of it.
    pub(crate) line: &'a str,
}

/// A stop whose start has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EarlyStop {
    /// The place of the job among those that were asked for.
    pub(crate) place: usize,
    pub(crate) id: i64,
    pub(crate) stop_time: i64,
    pub(crate) state: JobState,
}

/// A stop that has waited in vain.
#[derive(Debug, FromRow)]
pub(crate) struct Expired {
    pub(crate) subject: String,
    pub(crate) line: String,
}

#[derive(FromRow)]
struct EarlyStopRow {
    place: i64,
    id: i64,
    stop_time: i64,
    state: String,
}

static KEEP: SetStatement = SetStatement::new(
    "INSERT INTO early_stop (tenant, job_id, cluster, start_time, stop_time, state, subject, line, received_at) \
     SELECT r.tenant, r.job_id, r.cluster, r.start_time, r.stop_time, r.state, r.subject, r.line, r.received_at \
     FROM {rows} WHERE true",
    &[
        ("tenant", ColumnType::Text),
        ("job_id", ColumnType::Integer),
        ("cluster", ColumnType::Text),
        ("start_time", ColumnType::Integer),
        ("stop_time", ColumnType::Integer),
        ("state", ColumnType::Text),
        ("subject", ColumnType::Text),
        ("line", ColumnType::Text),
        ("received_at", ColumnType::Integer),
    ],
);

static FIND: SetStatement = SetStatement::new(
    "SELECT r.place, early_stop.id, early_stop.stop_time, early_stop.state FROM {rows} \
     JOIN early_stop ON early_stop.job_id = r.job_id AND early_stop.tenant = r.tenant \
         AND (early_stop.cluster IS NULL OR early_stop.cluster = r.cluster) \
         AND (early_stop.start_time IS NULL OR early_stop.start_time = r.start_time) \
         AND early_stop.stop_time >= r.start_time",
    &[
        ("place", ColumnType::Integer),
        ("job_id", ColumnType::Integer),
        ("tenant", ColumnType::Text),
        ("cluster", ColumnType::Text),
        ("start_time", ColumnType::Integer),
    ],
);

static FORGET: SetStatement = SetStatement::new(
    "DELETE FROM early_stop WHERE id IN (SELECT r.id FROM {rows})",
    &[("id", ColumnType::Integer)],
);

/// What is locked before a start looks for its stop, and before a stop is kept because its start is not there: whichever
/// is second sees the first.
pub(crate) fn lock_of(tenant: &str, job_id: i64) -> LockKey {
    LockKey::of(&["early stop", tenant, &job_id.to_string()])
}

/// How many stops wait, counted up to `limit`.
pub(crate) async fn count(transaction: &mut Transaction, limit: i64) -> Result<i64, StorageError> {
    let sql = "SELECT COUNT(*) FROM (SELECT 1 AS one FROM early_stop LIMIT $1) AS kept";
    let row: Option<(i64,)> = transaction.fetch_optional(sql, &[limit.into()]).await?;
    Ok(row.map_or(0, |(count,)| count))
}

/// Keeps the stops.
pub(crate) async fn keep(
    transaction: &mut Transaction,
    stops: &[NewEarlyStop<'_>],
    now: Timestamp,
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = stops
        .iter()
        .map(|stop| {
            vec![
                stop.tenant.into(),
                stop.job_id.into(),
                Bind::Text(stop.cluster.map(str::to_owned)),
                stop.start_time.into(),
                stop.stop_time.into(),
                stop.state.name().into(),
                stop.subject.into(),
                stop.line.into(),
                now.as_micros().into(),
            ]
        })
        .collect();
    transaction.execute_set(&KEEP, &rows).await?;
    Ok(())
}

/// The stops that these jobs are waited for with, in the order in which they came.
pub(crate) async fn waiting_for(
    transaction: &mut Transaction,
    started: &[&JobStarted],
) -> Result<Vec<EarlyStop>, StorageError> {
    let rows: Vec<Vec<Bind>> = (0i64..)
        .zip(started)
        .map(|(place, job)| {
            vec![
                place.into(),
                job.job_id.into(),
                job.tenant.as_str().into(),
                job.cluster.as_str().into(),
                job.start_time.into(),
            ]
        })
        .collect();
    let rows: Vec<EarlyStopRow> = transaction.fetch_set(&FIND, &rows).await?;
    let mut stops = rows
        .into_iter()
        .map(|row| {
            Ok(EarlyStop {
                place: usize::try_from(row.place)
                    .map_err(|error| StorageError::Other(error.into()))?,
                id: row.id,
                stop_time: row.stop_time,
                state: state(&row.state)?,
            })
        })
        .collect::<Result<Vec<_>, StorageError>>()?;
    stops.sort_by_key(|stop| stop.id);
    Ok(stops)
}

/// Removes stops whose job is stopped.
pub(crate) async fn forget(
    transaction: &mut Transaction,
    ids: impl IntoIterator<Item = i64>,
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = ids.into_iter().map(|id| vec![id.into()]).collect();
    transaction.execute_set(&FORGET, &rows).await?;
    Ok(())
}

/// Removes up to `limit` stops that came before `before`, and returns them.
pub(crate) async fn take_expired(
    transaction: &mut Transaction,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<Expired>, StorageError> {
    let sql = "DELETE FROM early_stop WHERE id IN (SELECT id FROM early_stop WHERE received_at < $1 \
         ORDER BY received_at, id LIMIT $2) RETURNING subject, line";
    transaction
        .fetch_all(sql, &[before.as_micros().into(), limit.into()])
        .await
}
