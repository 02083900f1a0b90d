//! Takes requests out of the queue for nodes, because whoever asked is gone.
//!
//! Node allocation decides: it refuses a request that still waits (and one that comes late), and the sessions hear of that as
//! of any refusal. What it has granted it leaves alone, so that nodes on their way end in a session that their owner can
//! see (`api/duffy.md` §7: no half-done allocation is cancelled).

use std::collections::{BTreeSet, HashMap, HashSet};

use muster_contract::{
    Outcome, Principal,
    node_allocation::CancelAllocation,
    session::{CancelNodeRequest, CancelNodeRequestRefusal},
};
use muster_platform::Ids;
use muster_storage::{StorageError, Transaction, inbox};
use uuid::Uuid;

use super::{
    handler,
    orders::{Order, Reached},
};
use crate::{
    asking::Ask,
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
    _ids: &dyn Ids,
    orders: &[Order<'_, CancelNodeRequest>],
) -> Result<(Vec<Reached<CancelNodeRequest>>, Sayings), StorageError> {
    let commands: BTreeSet<Uuid> = orders.iter().map(|order| order.body.command).collect();
    let begun = of_commands(transaction, commands.iter().copied()).await?;
    let missing = commands.into_iter().filter(|id| !begun.contains_key(id));
    let settled = settled(transaction, missing).await?;
    let mut sayings = Sayings::default();
    let mut reached = Vec::with_capacity(orders.len());
    for (cause, order) in orders.iter().enumerate() {
        let outcome = match waiting(&begun, &settled, order) {
            Ok(request) => {
                sayings.say(cause, Saying::Cancel(CancelAllocation { request }));
                Outcome::Done(())
            }
            Err(refusal) => Outcome::Refused(refusal),
        };
        reached.push(Some(outcome));
    }
    Ok((reached, sayings))
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
fn waiting(
    begun: &HashMap<Uuid, Begun>,
    settled: &HashSet<String>,
    order: &Order<'_, CancelNodeRequest>,
) -> Result<Uuid, Refused> {
    let command = order.body.command;
    match begun.get(&command) {
        Some(begun) if !may_cancel(order.caller, &begun.tenant) => Err(Refused::NotYours),
        Some(Begun {
            request,
            ask: Ask::Open(_) | Ask::Grow(_),
            ..
        }) => Ok(*request),
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
