//! Giving nodes to sessions.

use muster_contract::{agent::NodeHook, node_allocation::NodeState};
use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};
use uuid::Uuid;

use super::{
    levels::LevelChanges,
    tenants::{self, HeldChanges},
};
use crate::domain::{hooks::Hooks, pools::Pools, stock::FreeNode};

/// Nodes for a session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grant<'a> {
    pub(crate) request: Uuid,
    pub(crate) session: &'a str,
    pub(crate) tenant: &'a str,
    pub(crate) nodes: &'a [FreeNode],
}

/// The state and the generation that were seen are conditions: a node that is not as it was is given to nobody.
pub(super) static CLAIM: SetStatement = SetStatement::new(
    "UPDATE node SET state = r.state, state_since = r.now, used_count = node.used_count + 1, \
         generation = r.generation + 1, session = r.session, tenant = r.tenant, unwiped = r.unwiped FROM {rows} \
     WHERE node.id = r.id AND node.generation = r.generation AND node.state = 'ready'",
    &[
        ("id", ColumnType::Integer),
        ("generation", ColumnType::Integer),
        ("state", ColumnType::Text),
        ("now", ColumnType::Integer),
        ("session", ColumnType::Text),
        ("tenant", ColumnType::Text),
        ("unwiped", ColumnType::Boolean),
    ],
);

/// The time of a command is when it came, and what came later may have had its turn before: a lease never begins before the
/// one before it has ended, or who had a node when could not be told.
static LEASE: SetStatement = SetStatement::new(
    "INSERT INTO lease (node, generation, hostname, session, tenant, request, granted_at) \
     SELECT r.node, r.generation, r.hostname, r.session, r.tenant, r.request, \
         CASE WHEN previous.released_at > r.now THEN previous.released_at ELSE r.now END \
     FROM {rows} LEFT JOIN lease AS previous ON previous.node = r.node AND previous.generation = r.generation - 1 \
     WHERE true",
    &[
        ("node", ColumnType::Integer),
        ("generation", ColumnType::Integer),
        ("hostname", ColumnType::Text),
        ("session", ColumnType::Text),
        ("tenant", ColumnType::Text),
        ("request", ColumnType::Text),
        ("now", ColumnType::Integer),
    ],
);

/// Generation of the lease that a node gets next.
pub(crate) fn next_generation(node: &FreeNode) -> i64 {
    node.generation.saturating_add(1)
}

/// Gives the nodes away: with leases, levels and what projects hold. Those that have to be prepared are not deployed yet.
pub(crate) async fn grant(
    transaction: &mut Transaction,
    now: i64,
    pools: &Pools,
    grants: &[Grant<'_>],
) -> Result<(), StorageError> {
    let (mut claims, mut leases) = (Vec::new(), Vec::new());
    let (mut levels, mut held) = (LevelChanges::default(), HeldChanges::default());
    for grant in grants {
        for node in grant.nodes {
            let hooks = pools.get(node.pool).map(|pool| &pool.hooks);
            let state = if hooks.is_some_and(|hooks| hooks.has(NodeHook::Contextualize)) {
                NodeState::Contextualizing
            } else {
                NodeState::Deployed
            };
            let unwiped = hooks.is_some_and(Hooks::any);
            claims.push(claim(node, grant, now, state, unwiped));
            leases.push(lease(node, grant, now));
            levels.moves(node.pool, NodeState::Ready, state);
            held.gets(grant.tenant);
        }
    }
    if claims.is_empty() {
        return Ok(());
    }
    transaction
        .change_set(&CLAIM, &claims, "free nodes")
        .await?;
    transaction.write_set(&LEASE, &leases).await?;
    levels.write(transaction).await?;
    tenants::ensure(transaction, grants.iter().map(|grant| grant.tenant)).await?;
    held.write(transaction).await
}

fn claim(
    node: &FreeNode,
    grant: &Grant<'_>,
    now: i64,
    state: NodeState,
    unwiped: bool,
) -> Vec<Bind> {
    vec![
        node.id.into(),
        node.generation.into(),
        state.name().into(),
        now.into(),
        grant.session.into(),
        grant.tenant.into(),
        unwiped.into(),
    ]
}

fn lease(node: &FreeNode, grant: &Grant<'_>, now: i64) -> Vec<Bind> {
    vec![
        node.id.into(),
        next_generation(node).into(),
        (&node.hostname).into(),
        grant.session.into(),
        grant.tenant.into(),
        grant.request.to_string().into(),
        now.into(),
    ]
}
