//! Reading a page of a list.

use muster_contract::session::{Document, limits::PAGE_LIMIT};
use muster_storage::{Database, Record, StorageError};

use super::list_statement::{Conditions, List, Statement, Wanted};
use crate::job_sessions::domain::filter::means;

/// Things that are read at once where they have to be looked into: what is held in memory is bounded, however many there are.
const CHUNK: i64 = 100;

/// A row of a list. What has several rows has them one after the other.
pub(crate) trait ListRow: Record + Send {
    /// The number of the thing.
    fn number(&self) -> i64;

    /// The thing as readers see it, of all its rows.
    fn shown(rows: &[Self]) -> Result<Document, StorageError>
    where
        Self: Sized;
}

/// The documents that are wanted, in the order of their numbers.
pub(crate) async fn list_documents<R: ListRow>(
    database: &Database,
    list: &'static List,
    wanted: Wanted<'_>,
) -> Result<Vec<Document>, StorageError> {
    let limit = i64::from(wanted.limit.min(PAGE_LIMIT));
    let Some(conditions) = Conditions::of(list, wanted) else {
        return Ok(Vec::new());
    };
    if limit == 0 {
        return Ok(Vec::new());
    }
    if conditions.rest.is_empty() {
        let skipped = i64::try_from(wanted.offset).unwrap_or(i64::MAX);
        let Statement { sql, binds } = conditions.statement(0, limit, skipped);
        let rows: Vec<R> = database.fetch_composed(sql, &binds).await?;
        return things(&rows).map(R::shown).collect();
    }
    look_through::<R>(database, &conditions, wanted.offset, limit).await
}

/// Reads the list chunk by chunk until the page is full.
async fn look_through<R: ListRow>(
    database: &Database,
    conditions: &Conditions<'_>,
    mut skipped: u64,
    limit: i64,
) -> Result<Vec<Document>, StorageError> {
    let limit = usize::try_from(limit).unwrap_or_default();
    let mut snapshot = database.snapshot().await?;
    let (mut documents, mut after) = (Vec::new(), Some(0));
    while let Some(number) = after {
        let Statement { sql, binds } = conditions.statement(number, CHUNK, 0);
        let rows: Vec<R> = snapshot.fetch_composed(sql, &binds).await?;
        for rows in things(&rows) {
            let document = R::shown(rows)?;
            if !means(&conditions.rest, &document.to_map()) {
                continue;
            }
            if skipped > 0 {
                skipped -= 1;
                continue;
            }
            documents.push(document);
            if documents.len() == limit {
                return Ok(documents);
            }
        }
        let is_last = i64::try_from(things(&rows).count()).is_ok_and(|count| count < CHUNK);
        after = rows.last().filter(|_| !is_last).map(R::number);
    }
    Ok(documents)
}

fn things<R: ListRow>(rows: &[R]) -> impl Iterator<Item = &[R]> {
    rows.chunk_by(|one, other| one.number() == other.number())
}
