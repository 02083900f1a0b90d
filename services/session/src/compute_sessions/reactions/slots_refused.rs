//! There will be no slots for sessions.

use muster_contract::node_allocation::SlotsRefused;
use muster_storage::{StorageError, Transaction};

use super::{news::News, reaction};
use crate::compute_sessions::{
    book::{Book, Desk},
    saying::Sayings,
};

reaction!(
    /// Reacts to [`SlotsRefused`].
    SlotsRefusedReaction,
    SlotsRefused,
    slots_refused
);

/// Ends the sessions, and refuses whoever wanted them.
pub(crate) async fn slots_refused(
    transaction: &mut Transaction,
    desk: Desk<'_>,
    news: &[News<'_, SlotsRefused>],
) -> Result<Sayings, StorageError> {
    let mut book = Book::open(transaction, desk, news.iter().map(|news| news.body.session)).await?;
    for News { moment, body } in news {
        let id = body.session;
        let is_asked = book
            .session(id)
            .is_some_and(|session| session.is_asked(body.request));
        if is_asked {
            // Before it is over: who waits for it hears why, not only that it is.
            book.refuse(*moment, id, &body.reason);
            book.change(*moment, id, |session, turn| session.refuse(turn, body));
        }
    }
    book.write(transaction).await
}
