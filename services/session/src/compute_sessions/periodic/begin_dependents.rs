//! Asks for the slots of sessions that have waited for others, or gives them up.

use std::collections::{BTreeSet, HashSet};

use muster_storage::{StorageError, Transaction};
use uuid::Uuid;

use super::{may_be_more, periodic};
use crate::compute_sessions::{
    book::{Book, Desk, Moment},
    domain::session::Session,
    saying::Sayings,
    store::{
        dependencies::{self, Dependency},
        load::load_sessions,
    },
};

/// Sessions in one transaction.
const LIMIT: i64 = 64;

periodic!(
    /// Looks at sessions that wait for one that is over.
    BeginDependents,
    begin_dependents
);

/// Looks at some of them; tells whether there may be more.
pub(crate) async fn begin_dependents(
    transaction: &mut Transaction,
    desk: Desk<'_>,
    moment: Moment,
    limit: i64,
) -> Result<(bool, Sayings), StorageError> {
    let due = dependencies::due(transaction, limit).await?;
    if due.is_empty() {
        return Ok((false, Sayings::default()));
    }
    let mut book = Book::open(transaction, desk, due.iter().copied()).await?;
    // As it is now that it is this one's turn.
    let awaited = dependencies::of_sessions(transaction, &due).await?;
    let over: Vec<&Dependency> = awaited.iter().filter(|other| other.is_over).collect();
    let ids: BTreeSet<Uuid> = over.iter().map(|other| other.depends_on).collect();
    // What is over does not change any more.
    let (others, _) = load_sessions(transaction, &ids).await?;
    let has_failed = |other: &&&Dependency| {
        let session = others.get(&other.depends_on);
        // One that is forgotten by now cannot be told to have succeeded.
        session.and_then(Session::has_succeeded) != Some(true)
    };
    let given_up: HashSet<Uuid> = over
        .iter()
        .filter(has_failed)
        .map(|other| other.session)
        .collect();
    let open = awaited.iter().filter(|other| !other.is_over);
    let waiting: HashSet<Uuid> = open.map(|other| other.session).collect();
    for id in &due {
        if given_up.contains(id) {
            book.change(moment, *id, Session::give_up);
        } else if !waiting.contains(id) {
            book.change(moment, *id, Session::ask);
        }
    }
    dependencies::met(transaction, &over).await?;
    let more = may_be_more(due.len(), limit);
    Ok((more, book.write(transaction).await?))
}
