//! What is to be done to the archive's files: the table `archive_work`.

use muster_storage::{Bind, ColumnType, Database, SetStatement, StorageError, Transaction};
use sqlx::FromRow;

use crate::domain::archive_layout::JobKey;

/// What is to be done to the files of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArchiveAction {
    /// Write them: the job has stopped.
    Archive,
    /// Write `meta.json` anew: its tags or meta data have changed.
    Describe,
}

impl ArchiveAction {
    const ALL: [Self; 2] = [Self::Archive, Self::Describe];

    /// As the table has it.
    const fn name(self) -> &'static str {
        match self {
            Self::Archive => "archive",
            Self::Describe => "describe",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }
}

/// A job whose files are wanting is archived as a whole, however it is described meanwhile.
static REQUEST: SetStatement = SetStatement::new(
    "INSERT INTO archive_work (cluster, job_id, start_time, action, generation, due_at, attempts) \
     SELECT r.cluster, r.job_id, r.start_time, r.action, 1, 0, 0 FROM {rows} WHERE true \
     ON CONFLICT (job_id, cluster, start_time) DO UPDATE SET \
         action = CASE WHEN excluded.action = 'describe' THEN archive_work.action ELSE excluded.action END, \
         generation = archive_work.generation + 1, due_at = 0, attempts = 0, error = NULL",
    &[
        ("cluster", ColumnType::Text),
        ("job_id", ColumnType::Integer),
        ("start_time", ColumnType::Integer),
        ("action", ColumnType::Text),
    ],
);

/// Has the archiver do this, once the transaction has committed; it comes back to it until it is done. **This is the one
/// way** by which a command has the archive's files follow the tables: call it in the command's own transaction for every
/// job that has stopped (`Archive`), or whose tags or meta data have changed and that does not run (`Describe`; one whose
/// `monitoring_status` is 0 has no files and needs none). The files of a job that is deleted stay, as the Swagger text has it.
/// The same job may be named more than once; the last word counts.
pub(crate) async fn request_archive_work(
    transaction: &mut Transaction,
    work: impl IntoIterator<Item = (JobKey, ArchiveAction)>,
) -> Result<(), StorageError> {
    // A set may touch each row of the table once.
    let by_job: std::collections::BTreeMap<JobKey, ArchiveAction> = work.into_iter().collect();
    let rows: Vec<Vec<Bind>> = by_job
        .into_iter()
        .map(|(key, action)| {
            vec![
                key.cluster.into(),
                key.job_id.into(),
                key.start_time.into(),
                action.name().into(),
            ]
        })
        .collect();
    transaction.write_set(&REQUEST, &rows).await
}

/// Work that an archiver has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TakenWork {
    pub(crate) id: i64,
    pub(crate) generation: i64,
    pub(crate) key: JobKey,
    pub(crate) action: ArchiveAction,
    /// This one included.
    pub(crate) attempts: i64,
}

#[derive(Debug, FromRow)]
struct WorkRow {
    id: i64,
    generation: i64,
    cluster: String,
    job_id: i64,
    start_time: i64,
    action: String,
    attempts: i64,
}

/// The condition stands twice: on PostgreSQL, another replica may take a row between the look and the change.
const TAKE: &str = "UPDATE archive_work SET due_at = $2, attempts = attempts + 1 \
     WHERE due_at <= $1 AND id IN \
         (SELECT id FROM archive_work WHERE due_at <= $1 ORDER BY due_at, id LIMIT $3) \
     RETURNING id, generation, cluster, job_id, start_time, action, attempts";

/// Takes work that is due; others may take it from `leased_until` on, if it is not done by then. Times in microseconds.
pub(crate) async fn take_work(
    transaction: &mut Transaction,
    now: i64,
    leased_until: i64,
    limit: i64,
) -> Result<Vec<TakenWork>, StorageError> {
    let binds = [now.into(), leased_until.into(), limit.into()];
    let rows: Vec<WorkRow> = transaction.fetch_all(TAKE, &binds).await?;
    rows.into_iter()
        .map(|row| {
            Ok(TakenWork {
                action: ArchiveAction::from_name(&row.action)
                    .ok_or_else(|| super::unreadable("action", &row.action))?,
                id: row.id,
                generation: row.generation,
                key: JobKey {
                    cluster: row.cluster,
                    job_id: row.job_id,
                    start_time: row.start_time,
                },
                attempts: row.attempts,
            })
        })
        .collect()
}

/// When the next work is due, in microseconds; `None` if there is none. Reads one entry of an index.
pub(crate) async fn next_due(database: &Database) -> Result<Option<i64>, StorageError> {
    let row: Option<(Option<i64>,)> = database
        .fetch_optional("SELECT MIN(due_at) FROM archive_work", &[])
        .await?;
    Ok(row.and_then(|(due,)| due))
}

/// How many jobs' files are still to be written, written anew or removed: the archive's backlog. Counts the rows of a table that
/// is empty as a rule.
///
/// # Errors
/// The tables cannot be read.
pub async fn backlog(database: &Database) -> Result<i64, StorageError> {
    let row: Option<(i64,)> = database
        .fetch_optional("SELECT COUNT(*) FROM archive_work", &[])
        .await?;
    Ok(row.map_or(0, |(count,)| count))
}

/// Makes due what another process had taken that is known to be gone.
pub(crate) async fn release_all(transaction: &mut Transaction) -> Result<u64, StorageError> {
    transaction
        .execute("UPDATE archive_work SET due_at = 0 WHERE due_at > 0", &[])
        .await
}

/// What was asked for meanwhile is still to be done: then the row stays, and is due. Marked first, since a `DELETE` over a set
/// would not look at the generation again after it has waited for another replica.
static DONE: SetStatement = SetStatement::new(
    "UPDATE archive_work SET due_at = -1 FROM {rows} \
     WHERE archive_work.id = r.id AND archive_work.generation = r.generation",
    &[
        ("id", ColumnType::Integer),
        ("generation", ColumnType::Integer),
    ],
);

/// Takes work that is done off the list.
pub(crate) async fn work_done(
    transaction: &mut Transaction,
    done: impl IntoIterator<Item = (i64, i64)>,
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = done
        .into_iter()
        .map(|(id, generation)| vec![id.into(), generation.into()])
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    transaction.write_set(&DONE, &rows).await?;
    transaction
        .execute("DELETE FROM archive_work WHERE due_at = -1", &[])
        .await?;
    Ok(())
}

static FAILED: SetStatement = SetStatement::new(
    "UPDATE archive_work SET due_at = r.due_at, error = r.error FROM {rows} \
     WHERE archive_work.id = r.id AND archive_work.generation = r.generation",
    &[
        ("id", ColumnType::Integer),
        ("generation", ColumnType::Integer),
        ("due_at", ColumnType::Integer),
        ("error", ColumnType::Text),
    ],
);

/// Work that failed.
#[derive(Debug)]
pub(crate) struct FailedWork {
    pub(crate) id: i64,
    pub(crate) generation: i64,
    /// When it is tried again, in microseconds.
    pub(crate) due_at: i64,
    /// Why it failed.
    pub(crate) error: String,
}

/// Has work that failed tried again later.
pub(crate) async fn work_failed(
    transaction: &mut Transaction,
    failed: impl IntoIterator<Item = FailedWork>,
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = failed
        .into_iter()
        .map(|work| {
            vec![
                work.id.into(),
                work.generation.into(),
                work.due_at.into(),
                work.error.into(),
            ]
        })
        .collect();
    transaction.write_set(&FAILED, &rows).await
}
