//! Sessions have to wait for slots.

use muster_contract::node_allocation::SlotsQueued;
use muster_storage::{StorageError, Transaction};

use super::{news::News, reaction};
use crate::compute_sessions::{
    book::{Book, Desk},
    saying::Sayings,
};

reaction!(
    /// Reacts to [`SlotsQueued`].
    SlotsQueuedReaction,
    SlotsQueued,
    slots_queued
);

/// Notes what the sessions wait for.
pub(crate) async fn slots_queued(
    transaction: &mut Transaction,
    desk: Desk<'_>,
    news: &[News<'_, SlotsQueued>],
) -> Result<Sayings, StorageError> {
    let mut book = Book::open(transaction, desk, news.iter().map(|news| news.body.session)).await?;
    for News { moment, body } in news {
        book.change(*moment, body.session, |session, turn| {
            session.queued(turn, body);
        });
    }
    book.write(transaction).await
}
