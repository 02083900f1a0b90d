//! Takes requests out of the queue for nodes, because whoever asked is gone.
//!
//! Node allocation decides: it refuses a request that still waits (and one that comes late), and the sessions hear of that as
//! of any refusal. What it has granted it leaves alone, so that nodes on their way end in a session that their owner can
//! see (`api/duffy.md` §7: no half-done allocation is cancelled). A session that is still being set up has not asked for nodes:
//! it ends.

use std::collections::{BTreeSet, HashMap, HashSet};

use muster_contract::{
    Outcome, Principal,
    node_allocation::CancelAllocation,
    session::{CancelNodeRequest, CancelNodeRequestRefusal, EndReason},
};
use muster_platform::Ids;
use muster_storage::{StorageError, Transaction, inbox};
use uuid::Uuid;

use super::{
    handler,
    orders::{Order, Reached},
};
use crate::node_sessions::{
    asking::Ask,
    book::{Book, Moment},
    saying::{Saying, Sayings},
    store::pending_requests::{Begun, of_commands},
};

handler!(
    /// Takes [`CancelNodeRequest`].
    CancelNodeRequestHandler,
    CancelNodeRequest,
    cancel_node_requests
);

type Refused = CancelNodeRequestRefusal;

/// Has the requests cancelled.
pub(crate) async fn cancel_node_requests(
    transaction: &mut Transaction,
    ids: &dyn Ids,
    orders: &[Order<'_, CancelNodeRequest>],
) -> Result<(Vec<Reached<CancelNodeRequest>>, Sayings), StorageError> {
    let commands: BTreeSet<Uuid> = orders.iter().map(|order| order.body.command).collect();
    let begun = of_commands(transaction, commands.iter().copied()).await?;
    let missing = commands.into_iter().filter(|id| !begun.contains_key(id));
    let settled = settled(transaction, missing).await?;
    let waiting: Vec<Result<Waiting<'_>, Refused>> = orders
        .iter()
        .map(|order| waiting(&begun, &settled, order))
        .collect();
    let in_set_up = waiting.iter().filter_map(|waiting| match waiting {
        Ok(Waiting::ForSetUp(session)) => Some(*session),
        _ => None,
    });
    let mut book = Book::open(transaction, ids, in_set_up, &[]).await?;
    let mut reached = Vec::with_capacity(orders.len());
    for (cause, (order, waiting)) in orders.iter().zip(waiting).enumerate() {
        let now = order.now;
        reached.push(Some(match waiting {
            Ok(waiting) => {
                cancel(&mut book, Moment { cause, now }, &waiting);
                Outcome::Done(())
            }
            Err(refusal) => Outcome::Refused(refusal),
        }));
    }
    let sayings = book.write(transaction).await?;
    Ok((reached, sayings))
}

/// What a command waits for.
#[derive(Debug)]
enum Waiting<'a> {
    /// The answer of node allocation to this request.
    ForNodes(Uuid),
    /// The set-up of this session.
    ForSetUp(&'a str),
}

fn cancel(book: &mut Book<'_>, moment: Moment, waiting: &Waiting<'_>) {
    match waiting {
        Waiting::ForNodes(request) => {
            let request = *request;
            let cancel = Saying::Cancel(CancelAllocation { request });
            book.sayings.say(moment.cause, cancel);
        }
        Waiting::ForSetUp(session) => {
            // One that ends already is refused, and needs nothing.
            let _ = book.begin_to_close(moment, session, EndReason::Asked, None);
        }
    }
}

/// Those of the commands that have their outcome.
async fn settled(
    transaction: &mut Transaction,
    commands: impl Iterator<Item = Uuid>,
) -> Result<HashSet<String>, StorageError> {
    let ids: Vec<String> = commands.map(|id| id.to_string()).collect();
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let recorded = inbox::recorded(transaction, &ids).await?;
    let settled = recorded
        .into_iter()
        .filter(|record| record.outcome.is_some());
    Ok(settled.map(|record| record.id).collect())
}

/// What has to be cancelled.
fn waiting<'a>(
    begun: &'a HashMap<Uuid, Begun>,
    settled: &HashSet<String>,
    order: &Order<'_, CancelNodeRequest>,
) -> Result<Waiting<'a>, Refused> {
    let command = order.body.command;
    match begun.get(&command) {
        Some(begun) if !may_cancel(order.caller, &begun.tenant) => Err(Refused::NotYours),
        Some(Begun {
            request,
            ask: Ask::Open(_) | Ask::Grow(_),
            ..
        }) => Ok(Waiting::ForNodes(*request)),
        Some(Begun {
            session,
            ask: Ask::SetUp { .. },
            ..
        }) => Ok(Waiting::ForSetUp(session)),
        Some(_) => Err(Refused::NotWaiting),
        None if settled.contains(&command.to_string()) => Err(Refused::NotWaiting),
        None => Err(Refused::Unknown),
    }
}

fn may_cancel(caller: &Principal, tenant: &str) -> bool {
    caller.project == tenant || caller.crosses_tenants()
}

#[cfg(test)]
mod tests;
