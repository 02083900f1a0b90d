//! Which job a stop is about.

use muster_contract::job_archive::StopTarget;
use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};
use sqlx::FromRow;

use super::job_row::state;
use crate::domain::{scope::Scope, stopping::Found};

/// What a stop asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sought<'a> {
    /// The stop's place in the batch.
    pub(crate) place: usize,
    /// The job it names.
    pub(crate) target: &'a StopTarget,
    /// Jobs that its sender may change.
    pub(crate) scope: &'a Scope,
}

#[derive(Debug, FromRow)]
struct FoundRow {
    place: i64,
    id: Option<i64>,
    job_id: Option<i64>,
    start_time: Option<i64>,
    state: Option<String>,
}

/// Of the jobs that fit, the newest: that is one rule for both releases, whose choice differs
/// (`api/clustercockpit.md` §1.3). If a start time was told that no job has, the newest that runs: the last element of a
/// Slurm job array is stopped with another element's start time (§4.1 there). A job that the sender may not change is
/// not there for it.
///
/// The columns are asked for one by one instead of by a join, for the reason that `record_jobs` gives.
pub(super) static FIND: SetStatement = SetStatement::new(
    "WITH found AS MATERIALIZED (SELECT r.place, COALESCE( \
         (SELECT job.id FROM job WHERE job.id = r.id \
             AND (r.tenant IS NULL OR job.tenant = r.tenant) \
             AND (r.user_name IS NULL OR job.user_name = r.user_name)), \
         (SELECT job.id FROM job WHERE job.job_id = r.job_id \
             AND (r.cluster IS NULL OR job.cluster = r.cluster) \
             AND (r.start_time IS NULL OR job.start_time = r.start_time) \
             AND (r.tenant IS NULL OR job.tenant = r.tenant) \
             AND (r.user_name IS NULL OR job.user_name = r.user_name) \
             ORDER BY job.start_time DESC, job.id DESC LIMIT 1), \
         (SELECT job.id FROM job WHERE job.job_id = r.job_id AND job.state = 'running' \
             AND (r.cluster IS NULL OR job.cluster = r.cluster) \
             AND (r.tenant IS NULL OR job.tenant = r.tenant) \
             AND (r.user_name IS NULL OR job.user_name = r.user_name) \
             ORDER BY job.start_time DESC, job.id DESC LIMIT 1)) AS id FROM {rows}) \
     SELECT found.place, found.id, \
         (SELECT job.job_id FROM job WHERE job.id = found.id) AS job_id, \
         (SELECT job.start_time FROM job WHERE job.id = found.id) AS start_time, \
         (SELECT job.state FROM job WHERE job.id = found.id) AS state \
     FROM found",
    &[
        ("place", ColumnType::Integer),
        ("id", ColumnType::Integer),
        ("job_id", ColumnType::Integer),
        ("cluster", ColumnType::Text),
        ("start_time", ColumnType::Integer),
        ("tenant", ColumnType::Text),
        ("user_name", ColumnType::Text),
    ],
);

/// The jobs that stops are about, by the stops' places; where there is none, there is no entry.
pub(crate) async fn find_stops(
    transaction: &mut Transaction,
    sought: impl IntoIterator<Item = Sought<'_>>,
) -> Result<Vec<(usize, Found)>, StorageError> {
    let rows = sought.into_iter().map(row).collect::<Result<Vec<_>, _>>()?;
    let rows: Vec<FoundRow> = transaction.fetch_set(&FIND, &rows).await?;
    rows.into_iter().filter_map(FoundRow::into_found).collect()
}

fn row(sought: Sought<'_>) -> Result<Vec<Bind>, StorageError> {
    let place = i64::try_from(sought.place).map_err(|error| StorageError::Other(error.into()))?;
    let (id, job_id, cluster, start_time) = match sought.target {
        StopTarget::Id(id) => (Some(*id), None, None, None),
        StopTarget::Newest {
            job_id,
            cluster,
            start_time,
        } => (None, Some(*job_id), cluster.as_deref(), *start_time),
    };
    Ok(vec![
        place.into(),
        id.into(),
        job_id.into(),
        text(cluster),
        start_time.into(),
        text(sought.scope.tenant()),
        text(sought.scope.user()),
    ])
}

fn text(value: Option<&str>) -> Bind {
    Bind::Text(value.map(str::to_owned))
}

impl FoundRow {
    fn into_found(self) -> Option<Result<(usize, Found), StorageError>> {
        let place = usize::try_from(self.place).ok()?;
        let (id, job_id, start_time) = (self.id?, self.job_id?, self.start_time?);
        Some(state(&self.state?).map(|state| {
            let found = Found {
                id,
                job_id,
                start_time,
                state,
            };
            (place, found)
        }))
    }
}
