//! Nodes that come back from their sessions.

use muster_storage::{StorageError, Transaction};

use super::ordering::{Wanted, order, starts};
use crate::{
    commands::told::Answer,
    domain::{hooks::Hooks, lifecycle::Condition, pools::Pools, releasing::HeldNode},
    moment::Moment,
    store::{pools::pools, release::release},
};

/// A node with the place of what gave it back in its batch.
pub(crate) type Returned<'a> = (Option<usize>, &'a HeldNode);

/// Takes the nodes from their sessions and has done what has to be done before somebody else gets them. Where pools have no
/// hooks, that is nothing, and takes no more statements.
pub(crate) async fn give_back(
    transaction: &mut Transaction,
    moment: Moment<'_>,
    nodes: &[Returned<'_>],
) -> Result<Vec<(Option<usize>, Answer)>, StorageError> {
    let hooked = nodes.iter().any(|(_, node)| node.unwiped);
    let pools = if hooked {
        pools(transaction).await?
    } else {
        Pools::default()
    };
    let none = Hooks::default();
    let mut wanted = Vec::new();
    let mut releases: Vec<(&HeldNode, Condition)> = Vec::with_capacity(nodes.len());
    for (place, node) in nodes {
        let hooks = pools.get(node.pool).map_or(&none, |pool| &pool.hooks);
        let mut after = node.given_back(hooks, moment.now);
        if let Some(hook) = starts(&mut after, moment.now) {
            wanted.push(Wanted {
                place: *place,
                node: node.id,
                hook,
                failures: 0,
            });
        }
        releases.push((node, after));
    }
    release(transaction, moment.now, &releases).await?;
    order(transaction, moment, &pools, &wanted).await
}
