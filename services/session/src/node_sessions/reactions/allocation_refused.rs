//! There are no nodes for sessions.

use muster_contract::{
    Outcome,
    node_allocation::AllocationRefused,
    session::{GrowNodeSessionRefusal, OpenNodeSessionRefusal},
};
use muster_platform::Ids;
use muster_storage::{StorageError, Transaction};

use super::{news::News, reaction};
use crate::node_sessions::{
    asking::Ask,
    book::{Book, Moment},
    saying::{Sayings, Settlement},
};

reaction!(
    /// Reacts to [`AllocationRefused`].
    AllocationRefusedReaction,
    AllocationRefused,
    allocation_refused
);

/// Refuses whoever asked. One that was refused before hears nothing more.
pub(crate) async fn allocation_refused(
    transaction: &mut Transaction,
    ids: &dyn Ids,
    news: &[News<'_, AllocationRefused>],
) -> Result<Sayings, StorageError> {
    let sessions = news.iter().map(|news| news.body.session.as_str());
    let mut book = Book::open(transaction, ids, sessions, &[]).await?;
    for News { moment, body } in news {
        take(&mut book, *moment, body);
    }
    book.write(transaction).await
}

fn take(book: &mut Book<'_>, moment: Moment, refused: &AllocationRefused) {
    let Some(pending) = book.answer(refused.request) else {
        return;
    };
    let reason = refused.reason.clone();
    let settlement = match pending.ask {
        Ask::Open(_) => {
            book.refuse(moment, &pending.session);
            let refusal = OpenNodeSessionRefusal::Allocation(reason);
            Settlement::Open(Outcome::Refused(refusal))
        }
        Ask::Grow(_) => {
            let refusal = GrowNodeSessionRefusal::Allocation(reason);
            Settlement::Grow(Outcome::Refused(refusal))
        }
        // Nobody refuses these.
        Ask::SetUp { .. } | Ask::Shrink { .. } | Ask::Hold(_) | Ask::Close(_) => return,
    };
    book.sayings
        .settle(moment.cause, pending.command, settlement);
}
