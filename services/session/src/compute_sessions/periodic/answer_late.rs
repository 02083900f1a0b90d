//! Answers those who wanted to wait for a session no longer.

use muster_storage::{StorageError, Transaction};

use super::{may_be_more, periodic};
use crate::compute_sessions::{
    book::{Book, Desk, Moment},
    saying::Sayings,
    store::waiters::sessions_with_late_waiters,
};

/// Commands in one transaction.
const LIMIT: i64 = 64;

periodic!(
    /// Answers those whose time is over.
    AnswerLate,
    answer_late
);

/// Answers some of them; tells whether there may be more.
pub(crate) async fn answer_late(
    transaction: &mut Transaction,
    desk: Desk<'_>,
    moment: Moment,
    limit: i64,
) -> Result<(bool, Sayings), StorageError> {
    let mut due = sessions_with_late_waiters(transaction, moment.now, limit).await?;
    if due.is_empty() {
        return Ok((false, Sayings::default()));
    }
    let more = may_be_more(due.len(), limit);
    due.sort_unstable();
    due.dedup();
    let mut book = Book::open(transaction, desk, due.iter().copied()).await?;
    for id in due {
        book.answer_late(moment, id);
    }
    Ok((more, book.write(transaction).await?))
}
