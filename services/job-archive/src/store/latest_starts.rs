//! The job of a number that started last.

use muster_storage::{ColumnType, SetStatement, StorageError, Transaction};
use sqlx::FromRow;

use crate::domain::duplicates::Number;

#[derive(Debug, FromRow)]
pub(crate) struct LatestStart {
    pub(crate) cluster: String,
    pub(crate) job_id: i64,
    pub(crate) start_time: Option<i64>,
    pub(crate) id: Option<i64>,
}

pub(super) static LATEST: SetStatement = SetStatement::new(
    "SELECT r.cluster, r.job_id, \
         (SELECT MAX(job.start_time) FROM job WHERE job.job_id = r.job_id AND job.cluster = r.cluster) AS start_time, \
         (SELECT job.id FROM job WHERE job.job_id = r.job_id AND job.cluster = r.cluster \
             ORDER BY job.start_time DESC LIMIT 1) AS id \
     FROM {rows}",
    &[
        ("cluster", ColumnType::Text),
        ("job_id", ColumnType::Integer),
    ],
);

/// The latest start of each number, each given once.
pub(crate) async fn latest_starts(
    transaction: &mut Transaction,
    numbers: impl IntoIterator<Item = Number<'_>>,
) -> Result<Vec<LatestStart>, StorageError> {
    let rows: Vec<_> = numbers
        .into_iter()
        .map(|number| vec![number.cluster.into(), number.job_id.into()])
        .collect();
    transaction.fetch_set(&LATEST, &rows).await
}
