//! The tags of jobs.

use std::collections::HashMap;

use muster_contract::{Principal, job_archive::Tag};
use muster_storage::{Bind, ColumnType, SetStatement, Snapshot, StorageError, Transaction};
use sqlx::FromRow;

use crate::domain::scope::sees_tag;

#[derive(Debug, FromRow)]
struct TagRow {
    job: i64,
    id: i64,
    #[sqlx(rename = "type")]
    kind: String,
    name: String,
    scope: String,
}

pub(super) static TAGS: SetStatement = SetStatement::new(
    "SELECT job_tag.job, tag.id, tag.type, tag.name, tag.scope \
     FROM {rows} JOIN job_tag ON job_tag.job = r.job JOIN tag ON tag.id = job_tag.tag",
    &[("job", ColumnType::Integer)],
);

/// The tags of jobs, by the job's number in the table.
#[derive(Debug, Default)]
pub(crate) struct JobTags {
    by_job: HashMap<i64, Vec<Tag>>,
}

impl JobTags {
    /// Reads the tags of these jobs within a transaction.
    pub(crate) async fn in_transaction(
        transaction: &mut Transaction,
        jobs: &[i64],
    ) -> Result<Self, StorageError> {
        Ok(Self::new(transaction.fetch_set(&TAGS, &rows(jobs)).await?))
    }

    /// Reads the tags of these jobs within a snapshot.
    pub(crate) async fn in_snapshot(
        snapshot: &mut Snapshot,
        jobs: &[i64],
    ) -> Result<Self, StorageError> {
        Ok(Self::new(snapshot.fetch_set(&TAGS, &rows(jobs)).await?))
    }

    fn new(rows: Vec<TagRow>) -> Self {
        let mut by_job: HashMap<i64, Vec<Tag>> = HashMap::new();
        for row in rows {
            by_job.entry(row.job).or_default().push(Tag {
                id: row.id,
                kind: row.kind,
                name: row.name,
                scope: row.scope,
            });
        }
        for tags in by_job.values_mut() {
            tags.sort_unstable();
        }
        Self { by_job }
    }

    /// All tags of a job, in the order they were made.
    pub(crate) fn all(&self, job: i64) -> Vec<Tag> {
        self.by_job.get(&job).cloned().unwrap_or_default()
    }

    /// The tags of a job that the caller sees, in the order they were made.
    pub(crate) fn seen(&self, job: i64, caller: &Principal) -> Vec<Tag> {
        let tags = self.by_job.get(&job).into_iter().flatten();
        tags.filter(|tag| sees_tag(caller, tag)).cloned().collect()
    }
}

fn rows(jobs: &[i64]) -> Vec<Vec<Bind>> {
    jobs.iter().map(|job| vec![(*job).into()]).collect()
}
