//! Free nodes that are installed anew because they have been free for too long: what is installed grows old (Duffy does it
//! after a day).

use muster_contract::agent::NodeHook;
use muster_storage::{StorageError, Transaction};

use super::upkeep::{installed, proceed};
use crate::{
    commands::told::Told,
    domain::{filling::renewable, pools::Pool},
    moment::Moment,
    store::{idle_nodes::ready_since, lock, pools::pools},
};

/// Installs nodes anew, never so many of a pool that fewer than half of its free nodes stay.
pub(crate) async fn renew(
    transaction: &mut Transaction,
    moment: Moment<'_>,
) -> Result<Vec<Told>, StorageError> {
    let may_renew = |pool: &Pool| {
        pool.maximum_ready_age.is_some() && pool.hooks.has(NodeHook::Provision) && pool.ready > 0
    };
    if !pools(transaction).await?.iter().any(may_renew) {
        return Ok(Vec::new());
    }
    lock(transaction).await?;
    let pools = pools(transaction).await?;
    let mut told = Vec::new();
    for pool in pools.iter().filter(|pool| may_renew(pool)) {
        let provisioning = pool.filling().provisioning;
        let most = renewable(pool.ready, provisioning, pool.ready);
        let Some(age) = pool.maximum_ready_age.filter(|_| most > 0) else {
            continue;
        };
        let before = moment.now.saturating_sub(age);
        let nodes = ready_since(transaction, pool.id, before, most).await?;
        let next = nodes
            .into_iter()
            .map(|node| (installed(&node, false, moment.now), node));
        told.extend(proceed(transaction, moment, &pools, next).await?);
    }
    Ok(told)
}
