//! Attaching tags to jobs.

use std::collections::BTreeSet;

use muster_contract::job_archive::NewTag;
use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};

/// `ON CONFLICT` alone would do, but would use up a number for every tag that is there.
static MAKE: SetStatement = SetStatement::new(
    "INSERT INTO tag (type, name, scope) SELECT r.type, r.name, r.scope FROM {rows} \
     WHERE NOT EXISTS (SELECT 1 FROM tag WHERE tag.type = r.type AND tag.name = r.name AND tag.scope = r.scope) \
     ON CONFLICT (type, name, scope) DO NOTHING",
    &[
        ("type", ColumnType::Text),
        ("name", ColumnType::Text),
        ("scope", ColumnType::Text),
    ],
);

static ATTACH: SetStatement = SetStatement::new(
    "INSERT INTO job_tag (job, tag) SELECT r.job, tag.id \
     FROM {rows} JOIN tag ON tag.type = r.type AND tag.name = r.name AND tag.scope = r.scope \
     WHERE true ON CONFLICT (job, tag) DO NOTHING",
    &[
        ("job", ColumnType::Integer),
        ("type", ColumnType::Text),
        ("name", ColumnType::Text),
        ("scope", ColumnType::Text),
    ],
);

/// Attaches tags to jobs, by their numbers in the table; makes the tags that are missing. The same tag twice on a job
/// is once.
pub(crate) async fn attach_tags<'a>(
    transaction: &mut Transaction,
    attachments: impl IntoIterator<Item = (i64, &'a NewTag)>,
) -> Result<(), StorageError> {
    let attachments: BTreeSet<(i64, &NewTag)> = attachments.into_iter().collect();
    if attachments.is_empty() {
        return Ok(());
    }
    // In one order, so that replicas that make the same tags at once do not wait for each other.
    let tags: BTreeSet<&NewTag> = attachments.iter().map(|(_, tag)| *tag).collect();
    let tags: Vec<Vec<Bind>> = tags.into_iter().map(columns).collect();
    transaction.execute_set(&MAKE, &tags).await?;
    let attachments: Vec<Vec<Bind>> = attachments
        .into_iter()
        .map(|(job, tag)| std::iter::once(job.into()).chain(columns(tag)).collect())
        .collect();
    transaction.execute_set(&ATTACH, &attachments).await?;
    Ok(())
}

fn columns(tag: &NewTag) -> Vec<Bind> {
    vec![(&tag.kind).into(), (&tag.name).into(), (&tag.scope).into()]
}
