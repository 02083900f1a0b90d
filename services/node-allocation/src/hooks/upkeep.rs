//! What is due to nodes by time: agents that have not answered, attempts after a pause, the end of a quarantine, and as many
//! free nodes as there are to be.

use std::collections::BTreeMap;

use muster_contract::{agent::NodeHook, node_allocation::NodeState};
use muster_storage::{StorageError, Transaction};

use super::{
    ended::{Ended, Ending, orders_ended},
    ordering::{Wanted, order, starts},
};
use crate::{
    commands::{serving::serve_all, told::Told},
    domain::{
        demand::Demand,
        filling::{Filling, Need, to_install},
        lifecycle::{Condition, comes_back, succeeded},
        pools::{Pool, Pools},
    },
    moment::Moment,
    store::{
        conditions::{Change, change},
        hook_orders,
        idle_nodes::{IdleNode, due, to_do, unused},
        lock,
        pools::pools,
        waiting::waiting,
    },
};

/// Microseconds that a report may come later than its deadline: it has to travel, and clocks differ.
const GRACE: i64 = 10 * 1_000_000;

/// Nodes that are seen to in one transaction.
const AT_A_TIME: u32 = 256;

/// Does a part of what is due; says what is to be told and whether there may be more. Mostly there is nothing, and then nobody
/// has to wait for the lock.
pub(crate) async fn upkeep(
    transaction: &mut Transaction,
    moment: Moment<'_>,
) -> Result<(Vec<Told>, bool), StorageError> {
    let to_do = to_do(transaction).await?;
    let overdue = to_do
        .deadline
        .is_some_and(|time| time <= moment.now - GRACE);
    let due = to_do.due.is_some_and(|time| time <= moment.now);
    let fills = to_do.pool.is_some() && !installations(transaction).await?.is_empty();
    if !(overdue || due || fills) {
        return Ok((Vec::new(), false));
    }
    lock(transaction).await?;
    let (mut told, mut more) = (Vec::new(), false);
    if overdue {
        let (silent, some_left) = end_overdue(transaction, moment).await?;
        told.extend(silent);
        more |= some_left;
    }
    if due {
        let (seen_to, some_left) = see_to_due(transaction, moment).await?;
        told.extend(seen_to);
        more |= some_left;
    }
    let (installed, some_left) = fill(transaction, moment).await?;
    told.extend(installed);
    Ok((told, more | some_left))
}

async fn end_overdue(
    transaction: &mut Transaction,
    moment: Moment<'_>,
) -> Result<(Vec<Told>, bool), StorageError> {
    let before = moment.now - GRACE;
    let orders = hook_orders::overdue(transaction, before, AT_A_TIME.into()).await?;
    let more = is_full(orders.len());
    let ended: Vec<Ended> = orders
        .into_iter()
        .map(|order| Ended {
            place: None,
            order,
            ending: Ending::Silent,
        })
        .collect();
    Ok((orders_ended(transaction, moment, &ended).await?, more))
}

async fn see_to_due(
    transaction: &mut Transaction,
    moment: Moment<'_>,
) -> Result<(Vec<Told>, bool), StorageError> {
    let nodes = due(transaction, moment.now, AT_A_TIME.into()).await?;
    let more = is_full(nodes.len());
    let pools = pools(transaction).await?;
    let next = nodes
        .into_iter()
        .filter_map(|node| Some((what_is_due(pools.get(node.pool)?, &node, moment.now), node)));
    let told = proceed(transaction, moment, &pools, next).await?;
    let mut all = told;
    // Some may be free now.
    all.extend(serve_all(transaction, moment, &[]).await?);
    Ok((all, more))
}

/// What becomes of a node when its time has come.
fn what_is_due(pool: &Pool, node: &IdleNode, now: i64) -> Condition {
    let quarantines = node.record.quarantines;
    let hook = match node.state {
        NodeState::Provisioning => NodeHook::Provision,
        NodeState::Deprovisioning => NodeHook::Deprovision,
        _ => return comes_back(&pool.hooks, node.unwiped, quarantines, now),
    };
    if !pool.hooks.has(hook) {
        // The pool does without it now.
        return succeeded(hook, &pool.hooks, quarantines, now);
    }
    Condition {
        unwiped: node.unwiped,
        failures: node.record.failures,
        quarantines,
        due: Some(now),
        ..Condition::at_rest(node.state)
    }
}

/// Brings nodes into their next conditions and has done what these need.
pub(super) async fn proceed(
    transaction: &mut Transaction,
    moment: Moment<'_>,
    pools: &Pools,
    nodes: impl IntoIterator<Item = (Condition, IdleNode)>,
) -> Result<Vec<Told>, StorageError> {
    let (mut changes, mut wanted) = (Vec::new(), Vec::new());
    for (mut after, node) in nodes {
        if let Some(hook) = starts(&mut after, moment.now) {
            wanted.push(Wanted {
                place: None,
                node: node.id,
                hook,
                failures: after.failures,
            });
        }
        changes.push(Change {
            id: node.id,
            pool: node.pool,
            generation: node.generation,
            before: node.state,
            after,
        });
    }
    change(transaction, moment.now, &changes).await?;
    let orders = order(transaction, moment, pools, &wanted).await?;
    Ok(Told::all(orders))
}

/// How many nodes are to be installed, by pool.
async fn installations(transaction: &mut Transaction) -> Result<BTreeMap<i64, u32>, StorageError> {
    let pools = pools(transaction).await?;
    let waiting = waiting(transaction).await?;
    let demands: Vec<Demand> = waiting
        .iter()
        .filter_map(|waiting| waiting.in_queue(&pools)?.ok())
        .flat_map(|waiting| waiting.demands)
        .collect();
    let needs: Vec<Need> = demands
        .into_iter()
        .map(|demand| Need {
            pools: demand.pools,
            nodes: demand.minimum,
        })
        .collect();
    let installing = pools
        .iter()
        .filter(|pool| pool.hooks.has(NodeHook::Provision));
    let fillings: Vec<Filling> = installing.map(Pool::filling).collect();
    Ok(to_install(&fillings, &needs))
}

async fn fill(
    transaction: &mut Transaction,
    moment: Moment<'_>,
) -> Result<(Vec<Told>, bool), StorageError> {
    let counts = installations(transaction).await?;
    if counts.is_empty() {
        return Ok((Vec::new(), false));
    }
    let pools = pools(transaction).await?;
    let mut told = Vec::new();
    let mut more = false;
    for (pool, count) in counts {
        let nodes = unused(transaction, pool, count.min(AT_A_TIME)).await?;
        more |= count > AT_A_TIME;
        let next = nodes.into_iter().map(|node| {
            let hooks = pools.get(node.pool).map(|pool| &pool.hooks);
            let wipes = node.unwiped && hooks.is_some_and(|hooks| hooks.has(NodeHook::Deprovision));
            (installed(&node, wipes, moment.now), node)
        });
        told.extend(proceed(transaction, moment, &pools, next).await?);
    }
    Ok((told, more))
}

/// A node that is to be installed; one that an operator took away before it was wiped is wiped first.
pub(super) fn installed(node: &IdleNode, wipes: bool, now: i64) -> Condition {
    let state = if wipes {
        NodeState::Deprovisioning
    } else {
        NodeState::Provisioning
    };
    Condition {
        unwiped: wipes,
        quarantines: node.record.quarantines,
        due: Some(now),
        ..Condition::at_rest(state)
    }
}

fn is_full(count: usize) -> bool {
    u32::try_from(count).is_ok_and(|count| count >= AT_A_TIME)
}
