//! Slots have come for sessions.

use muster_contract::node_allocation::SlotsGranted;
use muster_storage::{StorageError, Transaction};

use super::{news::News, reaction};
use crate::compute_sessions::{
    book::{Book, Desk},
    saying::Sayings,
};

reaction!(
    /// Reacts to [`SlotsGranted`].
    SlotsGrantedReaction,
    SlotsGranted,
    slots_granted
);

/// Has the containers of the sessions started. What comes for one that is over is given back already.
pub(crate) async fn slots_granted(
    transaction: &mut Transaction,
    desk: Desk<'_>,
    news: &[News<'_, SlotsGranted>],
) -> Result<Sayings, StorageError> {
    let mut book = Book::open(transaction, desk, news.iter().map(|news| news.body.session)).await?;
    for News { moment, body } in news {
        book.change(*moment, body.session, |session, turn| {
            session.grant(turn, body);
        });
    }
    book.write(transaction).await
}
