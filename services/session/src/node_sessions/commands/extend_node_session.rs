//! Moves the ends of sessions.

use muster_contract::{
    Outcome,
    session::{ExtendNodeSession, ExtendNodeSessionRefusal, NodeSessionRefusal},
};
use muster_platform::Ids;
use muster_storage::{StorageError, Transaction};

use super::{
    handler,
    orders::{Desk, Order, Reached},
};
use crate::node_sessions::{book::Book, saying::Sayings};

handler!(
    /// Takes [`ExtendNodeSession`].
    ExtendNodeSessionHandler,
    ExtendNodeSession,
    extend_node_sessions
);

/// Moves the ends as if the commands came one by one in this order.
pub(crate) async fn extend_node_sessions(
    transaction: &mut Transaction,
    ids: &dyn Ids,
    orders: &[Order<'_, ExtendNodeSession>],
) -> Result<(Vec<Reached<ExtendNodeSession>>, Sayings), StorageError> {
    let desk = Desk::open(transaction, ids, orders, |body| &body.session, &[]).await?;
    let (book, reached) = desk.each(|book, _, order, meant| {
        let extended = meant
            .map_err(ExtendNodeSessionRefusal::Session)
            .and_then(|id| extend(book, order, &id));
        Some(extended.unwrap_or_else(Outcome::Refused))
    });
    Ok((reached, book.write(transaction).await?))
}

fn extend(
    book: &mut Book<'_>,
    order: &Order<'_, ExtendNodeSession>,
    id: &str,
) -> Result<muster_messaging::OutcomeOf<ExtendNodeSession>, ExtendNodeSessionRefusal> {
    let session = book
        .session_mut(id)
        .ok_or(ExtendNodeSessionRefusal::Session(
            NodeSessionRefusal::Unknown,
        ))?;
    session
        .check_extension()
        .map_err(ExtendNodeSessionRefusal::Session)?;
    let limited = !order.caller.crosses_tenants();
    session
        .extend(order.body.expiry, order.now, limited)
        .ok_or(ExtendNodeSessionRefusal::InvalidTime)?;
    Ok(Outcome::Done(session.shown()))
}

#[cfg(test)]
mod tests;
