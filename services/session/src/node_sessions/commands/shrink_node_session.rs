//! Takes nodes out of sessions.

use muster_contract::{
    Outcome,
    node_allocation::ReleaseNodes,
    session::{NodeSessionRefusal, ShrinkNodeSession, ShrinkNodeSessionRefusal},
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
    /// Takes [`ShrinkNodeSession`].
    ShrinkNodeSessionHandler,
    ShrinkNodeSession,
    shrink_node_sessions
);

/// Takes the nodes out as if the commands came one by one in this order. The session has them no longer at once; the
/// outcome comes when nobody else finds them in it.
pub(crate) async fn shrink_node_sessions(
    transaction: &mut Transaction,
    ids: &dyn Ids,
    orders: &[Order<'_, ShrinkNodeSession>],
) -> Result<(Vec<Reached<ShrinkNodeSession>>, Sayings), StorageError> {
    let desk = Desk::open(transaction, ids, orders, |body| &body.session, &[]).await?;
    let (book, reached) = desk.each(|book, moment, order, meant| {
        let shrunk = meant
            .map_err(ShrinkNodeSessionRefusal::Session)
            .and_then(|id| shrink(book, moment, order, &id));
        shrunk.err().map(Outcome::Refused)
    });
    Ok((reached, book.write(transaction).await?))
}

fn shrink(
    book: &mut Book<'_>,
    moment: Moment,
    order: &Order<'_, ShrinkNodeSession>,
    id: &str,
) -> Result<(), ShrinkNodeSessionRefusal> {
    let session = book.session(id).ok_or(NodeSessionRefusal::Unknown);
    let session = session.map_err(ShrinkNodeSessionRefusal::Session)?;
    session
        .check_shrink()
        .map_err(ShrinkNodeSessionRefusal::Session)?;
    let tenant = session.tenant.clone();
    let lease = book
        .take_out(id, &order.body.hostname, moment.now)
        .ok_or(ShrinkNodeSessionRefusal::UnknownNode)?;
    let request = book.next_id();
    let release = ReleaseNodes {
        request,
        session: id.to_owned(),
        tenant,
        leases: Some(vec![(lease.id, lease.generation)]),
    };
    let ask = Ask::Shrink {
        hostname: lease.hostname,
        release,
    };
    book.ask(moment, request, id, Some(order.id), ask);
    Ok(())
}

#[cfg(test)]
mod tests;
