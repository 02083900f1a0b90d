//! Ends the sessions whose time is over.

use std::sync::Arc;

use muster_contract::session::EndReason;
use muster_messaging::{Context, Effects, HandlerError, Periodic};
use muster_platform::Ids;
use muster_storage::{StorageError, Transaction};

use crate::node_sessions::{
    book::{Book, Moment},
    saying::Sayings,
    store::due::expired,
};

/// Sessions in one transaction.
const LIMIT: i64 = 64;

/// Ends the sessions whose time is over.
pub(crate) struct ExpireSessions {
    ids: Arc<dyn Ids>,
}

impl ExpireSessions {
    pub(crate) fn new(ids: Arc<dyn Ids>) -> Self {
        Self { ids }
    }
}

impl Periodic for ExpireSessions {
    async fn run(
        &self,
        transaction: &mut Transaction,
        cause: &Context,
        effects: &mut Effects,
    ) -> Result<bool, HandlerError> {
        let now = cause.received_at().as_micros();
        let (more, sayings) = expire_sessions(transaction, &*self.ids, now, LIMIT).await?;
        sayings.tell([cause], effects)?;
        Ok(more)
    }
}

/// Begins to end some of them; tells whether there may be more. What another replica, or the owner, did while this one
/// waited for its turn is seen: a session is ended once, and one that was extended lives on.
pub(crate) async fn expire_sessions(
    transaction: &mut Transaction,
    ids: &dyn Ids,
    now: i64,
    limit: i64,
) -> Result<(bool, Sayings), StorageError> {
    let due = expired(transaction, now, limit).await?;
    let more = i64::try_from(due.len()).is_ok_and(|found| found >= limit);
    let mut book = Book::open(transaction, ids, due.iter().map(String::as_str), &[]).await?;
    for id in &due {
        if book
            .session(id)
            .is_some_and(|session| session.is_expired(now))
        {
            let moment = Moment { cause: 0, now };
            // It was looked at just before: it is not refused.
            let _ = book.begin_to_close(moment, id, EndReason::Expired, None);
        }
    }
    Ok((more, book.write(transaction).await?))
}

#[cfg(test)]
mod tests;
