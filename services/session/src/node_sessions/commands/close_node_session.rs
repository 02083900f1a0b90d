//! Ends sessions.

use muster_contract::{
    Outcome,
    session::{CloseNodeSession, EndReason},
};
use muster_platform::Ids;
use muster_storage::{StorageError, Transaction};

use super::{
    handler,
    orders::{Desk, Order, Reached},
};
use crate::node_sessions::saying::Sayings;

handler!(
    /// Takes [`CloseNodeSession`].
    CloseNodeSessionHandler,
    CloseNodeSession,
    close_node_sessions
);

/// Begins to end the sessions, or an operator's to tear them down once more where that was given up, as if the commands came one by one in this order.
pub(crate) async fn close_node_sessions(
    transaction: &mut Transaction,
    ids: &dyn Ids,
    orders: &[Order<'_, CloseNodeSession>],
) -> Result<(Vec<Reached<CloseNodeSession>>, Sayings), StorageError> {
    let desk = Desk::open(transaction, ids, orders, |body| &body.session, &[]).await?;
    let (book, reached) = desk.each(|book, moment, order, meant| {
        let begun = meant.and_then(|id| {
            if order.caller.crosses_tenants()
                && let Some(over) = book.tear_down_again(moment, &id)
            {
                return Ok(Some(over));
            }
            let command = Some(order.id);
            book.begin_to_close(moment, &id, EndReason::Asked, command)
        });
        match begun {
            Ok(closed) => closed.map(Outcome::Done),
            Err(refusal) => Some(Outcome::Refused(refusal)),
        }
    });
    Ok((reached, book.write(transaction).await?))
}

#[cfg(test)]
mod tests;
