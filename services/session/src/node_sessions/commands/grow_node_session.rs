//! Asks for more nodes for sessions.

use muster_contract::{
    Outcome,
    node_allocation::AllocateNodes,
    session::{GrowNodeSession, GrowNodeSessionRefusal, GrownNodeSession, NodeSessionRefusal},
};
use muster_platform::Ids;
use muster_storage::{StorageError, Transaction};

use super::{
    handler,
    orders::{Desk, Order, Reached},
};
use crate::node_sessions::{
    asking::Ask,
    book::{Book, Moment},
    saying::Sayings,
};

handler!(
    /// Takes [`GrowNodeSession`].
    GrowNodeSessionHandler,
    GrowNodeSession,
    grow_node_sessions
);

/// Asks for the nodes as if the commands came one by one in this order.
pub(crate) async fn grow_node_sessions(
    transaction: &mut Transaction,
    ids: &dyn Ids,
    orders: &[Order<'_, GrowNodeSession>],
) -> Result<(Vec<Reached<GrowNodeSession>>, Sayings), StorageError> {
    let desk = Desk::open(transaction, ids, orders, |body| &body.session, &[]).await?;
    let (book, reached) = desk.each(|book, moment, order, meant| {
        meant
            .and_then(|id| grow(book, moment, order, &id))
            .unwrap_or_else(|refusal| {
                let refusal = GrowNodeSessionRefusal::Session(refusal);
                Some(Outcome::Refused(refusal))
            })
    });
    Ok((reached, book.write(transaction).await?))
}

fn grow(
    book: &mut Book<'_>,
    moment: Moment,
    order: &Order<'_, GrowNodeSession>,
    id: &str,
) -> Result<Reached<GrowNodeSession>, NodeSessionRefusal> {
    let session = book.session(id).ok_or(NodeSessionRefusal::Unknown)?;
    session.check_growth()?;
    if order.body.demands.is_empty() {
        let grown = GrownNodeSession {
            session: session.shown(),
            added: Vec::new(),
        };
        return Ok(Some(Outcome::Done(grown)));
    }
    let request = book.next_id();
    let allocate = AllocateNodes {
        request,
        session: id.to_owned(),
        tenant: session.tenant.clone(),
        demands: order.body.demands.clone(),
        wait_until: order.body.wait_until,
    };
    book.ask(moment, request, id, Some(order.id), Ask::Grow(allocate));
    Ok(None)
}

#[cfg(test)]
mod tests;
