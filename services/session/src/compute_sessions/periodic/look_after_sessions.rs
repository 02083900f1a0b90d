//! Looks after sessions of which nothing is heard: agents that take too long, owners that are idle, answers that are missed.

use muster_storage::{StorageError, Transaction};

use super::{may_be_more, periodic};
use crate::compute_sessions::{
    book::{Book, Desk, Moment},
    domain::session::Session,
    saying::Sayings,
    store::due::due_sessions,
};

/// Sessions in one transaction.
const LIMIT: i64 = 64;

periodic!(
    /// Looks after what is due.
    LookAfterSessions,
    look_after_sessions
);

/// Looks after some of them; tells whether there may be more. What another replica did, or an agent said, while this one
/// waited for its turn is seen: what is not due any more is left alone.
pub(crate) async fn look_after_sessions(
    transaction: &mut Transaction,
    desk: Desk<'_>,
    moment: Moment,
    limit: i64,
) -> Result<(bool, Sayings), StorageError> {
    let due = due_sessions(transaction, moment.now, limit).await?;
    if due.is_empty() {
        return Ok((false, Sayings::default()));
    }
    let mut book = Book::open(transaction, desk, due.iter().copied()).await?;
    for id in &due {
        book.change(moment, *id, Session::look);
    }
    let more = may_be_more(due.len(), limit);
    Ok((more, book.write(transaction).await?))
}
