//! When jobs started and how long they ran, by their numbers in the table.

use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};
use sqlx::FromRow;

/// A job's times: seconds since 1970, and seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub(crate) struct JobTimes {
    pub(crate) id: i64,
    pub(crate) start_time: i64,
    pub(crate) duration: i64,
}

static TIMES: SetStatement = SetStatement::new(
    "SELECT job.id, job.start_time, job.duration FROM {rows} JOIN job ON job.id = r.id",
    &[("id", ColumnType::Integer)],
);

/// The times of those that are there.
pub(crate) async fn job_times(
    transaction: &mut Transaction,
    ids: impl IntoIterator<Item = i64>,
) -> Result<Vec<JobTimes>, StorageError> {
    let rows: Vec<Vec<Bind>> = ids.into_iter().map(|id| vec![id.into()]).collect();
    transaction.fetch_set(&TIMES, &rows).await
}
