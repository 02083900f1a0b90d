//! Ends attempts to set sessions up, or to tear them down, whose agents have not answered, and begins further ones.

use std::sync::Arc;

use muster_messaging::{Context, Effects, HandlerError, Periodic};
use muster_platform::Ids;
use muster_storage::{StorageError, Transaction};

use crate::node_sessions::{
    book::{Book, Moment},
    saying::Sayings,
    store::session_hooks::sessions_with_due_hooks,
};

/// Sessions in one transaction.
const LIMIT: i64 = 64;

/// Looks after what is due.
pub(crate) struct LookAfterHooks {
    ids: Arc<dyn Ids>,
}

impl LookAfterHooks {
    pub(crate) fn new(ids: Arc<dyn Ids>) -> Self {
        Self { ids }
    }
}

impl Periodic for LookAfterHooks {
    async fn run(
        &self,
        transaction: &mut Transaction,
        cause: &Context,
        effects: &mut Effects,
    ) -> Result<bool, HandlerError> {
        let now = cause.received_at().as_micros();
        let (more, sayings) = look_after_hooks(transaction, &*self.ids, now, LIMIT).await?;
        sayings.tell([cause], effects)?;
        Ok(more)
    }
}

/// Looks after some of them; tells whether there may be more. What another replica did, or an agent said, while this one
/// waited for its turn is seen: what is not due any more is left alone.
pub(crate) async fn look_after_hooks(
    transaction: &mut Transaction,
    ids: &dyn Ids,
    now: i64,
    limit: i64,
) -> Result<(bool, Sayings), StorageError> {
    let mut due = sessions_with_due_hooks(transaction, now, limit).await?;
    let more = i64::try_from(due.len()).is_ok_and(|found| found >= limit);
    if due.is_empty() {
        return Ok((more, Sayings::default()));
    }
    due.sort_unstable();
    due.dedup();
    let mut book = Book::open(transaction, ids, due.iter().map(String::as_str), &[]).await?;
    for id in &due {
        book.look_after_hooks(Moment { cause: 0, now }, id);
    }
    Ok((more, book.write(transaction).await?))
}
