//! Keeps the nodes of sessions for a look.

use std::collections::{BTreeSet, HashMap};

use muster_contract::{
    Outcome,
    node_allocation::HoldNodes,
    session::{HoldNodeSession, HoldNodeSessionRefusal, NodeSessionRefusal},
};
use muster_platform::Ids;
use muster_storage::{LockKey, StorageError, Transaction};

use super::{
    handler,
    orders::{Desk, Order, Reached},
};
use crate::node_sessions::{
    asking::Ask,
    book::{Book, Moment},
    domain::session::{Holding, Session},
    saying::Sayings,
    store::held_nodes::held_nodes,
};

handler!(
    /// Takes [`HoldNodeSession`].
    HoldNodeSessionHandler,
    HoldNodeSession,
    hold_node_sessions
);

/// Holds the sessions as if the commands came one by one in this order.
pub(crate) async fn hold_node_sessions(
    transaction: &mut Transaction,
    ids: &dyn Ids,
    orders: &[Order<'_, HoldNodeSession>],
) -> Result<(Vec<Reached<HoldNodeSession>>, Sayings), StorageError> {
    // A project's held nodes are counted, so that its commands take turns; the project is the caller's, or that of the
    // session where the caller may act for all: then the count may be one off, which a cap for owners can stand.
    let tenants = orders.iter().map(|order| order.caller.project.as_str());
    let tenants: Vec<LockKey> = tenants
        .map(|tenant| LockKey::of(&["tenant", tenant]))
        .collect();
    let desk = Desk::open(transaction, ids, orders, |body| &body.session, &tenants).await?;
    let counted: BTreeSet<String> = desk.book.tenants().collect();
    let mut held = held_nodes(transaction, counted.iter().map(String::as_str)).await?;
    let (book, reached) = desk.each(|book, moment, order, meant| {
        meant
            .map_err(HoldNodeSessionRefusal::Session)
            .and_then(|id| hold(book, &mut held, moment, order, &id))
            .unwrap_or_else(|refusal| Some(Outcome::Refused(refusal)))
    });
    Ok((reached, book.write(transaction).await?))
}

fn hold(
    book: &mut Book<'_>,
    held: &mut HashMap<String, i64>,
    moment: Moment,
    order: &Order<'_, HoldNodeSession>,
    id: &str,
) -> Result<Reached<HoldNodeSession>, HoldNodeSessionRefusal> {
    let unknown = HoldNodeSessionRefusal::Session(NodeSessionRefusal::Unknown);
    let session = book.session(id).ok_or_else(|| unknown.clone())?;
    let holding = session
        .check_hold()
        .map_err(HoldNodeSessionRefusal::Session)?;
    if holding == Holding::ChangesNothing {
        return Ok(Some(Outcome::Done(session.shown())));
    }
    let before = held.get(&session.tenant).copied().unwrap_or(0);
    check_limit(order.body.held_nodes_limit, before)?;
    let more = i64::try_from(session.nodes.len()).unwrap_or(i64::MAX);
    held.insert(session.tenant.clone(), before.saturating_add(more));
    let session: &mut Session = book.session_mut(id).ok_or(unknown)?;
    session.hold(order.body.prolonged_by);
    let tenant = session.tenant.clone();
    let request = book.next_id();
    let command = HoldNodes {
        request,
        session: id.to_owned(),
        tenant,
    };
    book.ask(moment, request, id, Some(order.id), Ask::Hold(command));
    Ok(None)
}

/// A project that holds as many nodes as it may, or more, holds no others (`api/duffy.md` §1).
fn check_limit(limit: Option<u32>, held: i64) -> Result<(), HoldNodeSessionRefusal> {
    match limit {
        Some(limit) if held >= i64::from(limit) => Err(HoldNodeSessionRefusal::TooManyHeldNodes {
            held: u32::try_from(held).unwrap_or(u32::MAX),
            limit,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
