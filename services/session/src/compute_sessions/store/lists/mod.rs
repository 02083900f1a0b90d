//! Lists of sessions.
//!
//! What is asked for most is a page of an owner, a project, a domain, or all, in some statuses and in one of three orders: for these
//! there is an index that has the rows in order, and the numbers are kept (`plain.rs`). Whatever else is asked for is looked through,
//! where an index leads to few enough (`looking.rs`).

mod bookmarks;
mod condition;
mod looking;
mod plain;
mod scope;
mod statement;

use muster_contract::session::{
    ComputeSessionFilter, ListComputeSessions, ListComputeSessionsRefusal,
};
use muster_storage::{Database, StorageError};

pub(crate) use self::bookmarks::Bookmarks;
#[cfg(test)]
pub(super) use self::{
    looking::{page_statement, total_statement, width_statement},
    plain::{Window, plain_statement},
    scope::numbers_statement,
};
pub(super) use self::{plain::PlainOrder, scope::Scope};
use super::load::{read_containers, read_sessions};
use crate::compute_sessions::domain::session::Session;

/// Sessions, and how many there are on all pages.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) sessions: Vec<Session>,
    pub(crate) total: u64,
}

/// A page, or why there is none.
pub(crate) type Listed = Result<Page, ListComputeSessionsRefusal>;

/// The sessions that are asked for, all as they are at one moment.
pub(crate) async fn list_sessions(
    database: &Database,
    bookmarks: &Bookmarks,
    question: &ListComputeSessions,
) -> Result<Listed, StorageError> {
    if let Err(reason) = condition::check(question) {
        return Ok(Err(ListComputeSessionsRefusal::Invalid { reason }));
    }
    if !can_be_meant(&question.filter) {
        return Ok(Ok(Page::default()));
    }
    let mut snapshot = database.snapshot().await?;
    let engine = database.engine();
    let scope = Scope::read(&mut snapshot, &question.filter).await?;
    let plain = PlainOrder::of(question);
    let (ids, total) = match plain {
        Some(order) => {
            let ids = plain::ids(&mut snapshot, bookmarks, question, &scope, order).await?;
            (ids, scope.total())
        }
        None => match looking::ids(&mut snapshot, engine, question, &scope).await? {
            Ok(found) => found,
            Err(refusal) => return Ok(Err(refusal)),
        },
    };
    let mut by_id = read_sessions(&mut snapshot, &ids, false).await?;
    if question.with_containers {
        let limit = ListComputeSessions::CONTAINER_LIMIT;
        let containers = by_id.values().map(|session| session.wish.cluster_size);
        if containers.fold(0, u32::saturating_add) > limit {
            let reason = format!(
                "these sessions have more than {limit} containers: ask for fewer sessions, or for containers alone"
            );
            return Ok(Err(ListComputeSessionsRefusal::Invalid { reason }));
        }
        read_containers(&mut snapshot, &mut by_id).await?;
    }
    let sessions: Vec<Session> = ids.iter().filter_map(|id| by_id.remove(id)).collect();
    if let (Some(order), Some(last)) = (plain, sessions.last()) {
        let read = u32::try_from(sessions.len()).unwrap_or(u32::MAX);
        let next = question.offset.saturating_add(read);
        bookmarks.remember(&question.filter, order, next, &scope, last);
    }
    Ok(Ok(Page { sessions, total }))
}

/// Whether there can be any: not every text can be in a table.
fn can_be_meant(filter: &ComputeSessionFilter) -> bool {
    let texts = [&filter.owner, &filter.tenant, &filter.domain];
    !texts.into_iter().flatten().any(|text| text.contains('\0'))
}
