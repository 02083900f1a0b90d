//! Recording that jobs have stopped.

use muster_contract::job_archive::JobState;
use muster_storage::{ColumnType, SetStatement, StorageError, Transaction};

use super::job_row::{JobRow, job_columns, no_meta_data};
use crate::domain::stopping::Finish;

/// The state that was seen is a condition: between the look and the change, another replica may have stopped the job.
pub(super) static FINISH: SetStatement = SetStatement::new(
    concat!(
        "UPDATE job SET state = r.state, duration = r.duration FROM {rows} \
         WHERE job.id = r.id AND job.state = r.seen RETURNING ",
        job_columns!(),
        ", ",
        no_meta_data!()
    ),
    &[
        ("id", ColumnType::Integer),
        ("seen", ColumnType::Text),
        ("state", ColumnType::Text),
        ("duration", ColumnType::Integer),
    ],
);

/// Stops the jobs that still run, and returns those as they are now.
pub(crate) async fn finish_jobs(
    transaction: &mut Transaction,
    changes: &[Finish],
) -> Result<Vec<JobRow>, StorageError> {
    let rows: Vec<_> = changes
        .iter()
        .map(|change| {
            vec![
                change.id.into(),
                JobState::Running.name().into(),
                change.state.name().into(),
                change.duration.into(),
            ]
        })
        .collect();
    transaction.fetch_set(&FINISH, &rows).await
}
