//! Agents are gone, and what sessions had there with them.

use muster_contract::node_allocation::SlotsLost;
use muster_storage::{StorageError, Transaction};

use super::{news::News, reaction};
use crate::compute_sessions::{
    book::{Book, Desk},
    saying::Sayings,
};

reaction!(
    /// Reacts to [`SlotsLost`].
    SlotsLostReaction,
    SlotsLost,
    slots_lost
);

/// Ends the sessions.
pub(crate) async fn slots_lost(
    transaction: &mut Transaction,
    desk: Desk<'_>,
    news: &[News<'_, SlotsLost>],
) -> Result<Sayings, StorageError> {
    let mut book = Book::open(transaction, desk, news.iter().map(|news| news.body.session)).await?;
    for News { moment, body } in news {
        book.change(*moment, body.session, |session, turn| {
            session.lose(turn, &body.agent);
        });
    }
    book.write(transaction).await
}
