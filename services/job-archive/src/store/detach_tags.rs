//! Taking tags off jobs. A tag that no job has any more stays: another transaction may be about to attach it.

use muster_contract::job_archive::NewTag;
use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};

use super::hold_job::text;
use crate::domain::{scope::Scope, storable::is_storable};

pub(super) static TAG_NUMBERS: SetStatement = SetStatement::new(
    "SELECT (SELECT tag.id FROM tag WHERE tag.type = r.type AND tag.name = r.name AND tag.scope = r.scope) AS id \
     FROM {rows}",
    &[
        ("type", ColumnType::Text),
        ("name", ColumnType::Text),
        ("scope", ColumnType::Text),
    ],
);

pub(super) static DETACH: SetStatement = SetStatement::new(
    "DELETE FROM job_tag WHERE (job_tag.job, job_tag.tag) IN (SELECT r.job, r.tag FROM {rows}) \
     RETURNING job_tag.job",
    &[("job", ColumnType::Integer), ("tag", ColumnType::Integer)],
);

pub(super) const TAGGED: &str = "SELECT job_tag.job, \
         (SELECT job.id FROM job WHERE job.id = job_tag.job AND (CAST($4 AS TEXT) IS NULL OR job.tenant = $4) \
             AND (CAST($5 AS TEXT) IS NULL OR job.user_name = $5)) AS seen \
     FROM job_tag WHERE job_tag.tag = $1 AND job_tag.job > $2 ORDER BY job_tag.job LIMIT $3";

/// The numbers of those of the tags that there are, in order and each once.
pub(crate) async fn tag_numbers(
    transaction: &mut Transaction,
    tags: &[NewTag],
) -> Result<Vec<i64>, StorageError> {
    let rows: Vec<Vec<Bind>> = tags
        .iter()
        .map(|tag| [&tag.kind, &tag.name, &tag.scope])
        .filter(|texts| texts.iter().all(|text| is_storable(text)))
        .map(|texts| texts.into_iter().map(Bind::from).collect())
        .collect();
    let found: Vec<(Option<i64>,)> = transaction.fetch_set(&TAG_NUMBERS, &rows).await?;
    let mut numbers: Vec<i64> = found.into_iter().filter_map(|(id,)| id).collect();
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

/// Takes a tag off each of these jobs; returns those that had it.
pub(crate) async fn detach_tags(
    transaction: &mut Transaction,
    pairs: impl IntoIterator<Item = (i64, i64)>,
) -> Result<Vec<i64>, StorageError> {
    let rows: Vec<Vec<Bind>> = pairs
        .into_iter()
        .map(|(job, tag)| vec![job.into(), tag.into()])
        .collect();
    let detached: Vec<(i64,)> = transaction.fetch_set(&DETACH, &rows).await?;
    Ok(detached.into_iter().map(|(job,)| job).collect())
}

/// The next jobs with a tag after the job `after`, by their numbers, and whether each is in the scope.
pub(crate) async fn tagged_jobs(
    transaction: &mut Transaction,
    tag: i64,
    scope: &Scope,
    after: i64,
    limit: i64,
) -> Result<Vec<(i64, bool)>, StorageError> {
    let binds = [
        tag.into(),
        after.into(),
        limit.into(),
        text(scope.tenant()),
        text(scope.user()),
    ];
    let rows: Vec<(i64, Option<i64>)> = transaction.fetch_all(TAGGED, &binds).await?;
    Ok(rows
        .into_iter()
        .map(|(job, seen)| (job, seen.is_some()))
        .collect())
}
