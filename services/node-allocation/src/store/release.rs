//! Nodes given back, and nodes held for a look.

use muster_contract::node_allocation::NodeState;
use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};

use super::{levels::LevelChanges, tenants::HeldChanges};
use crate::domain::{lifecycle::Condition, releasing::HeldNode};

pub(super) static RELEASE: SetStatement = SetStatement::new(
    "UPDATE node SET state = r.state, state_since = r.now, session = NULL, tenant = NULL, draining = false, \
         reason = r.reason, unwiped = r.unwiped, hook_failures = 0, quarantines = r.quarantines, hook_due = r.due FROM {rows} \
     WHERE node.id = r.id AND node.generation = r.generation AND node.session = r.session",
    &[
        ("id", ColumnType::Integer),
        ("generation", ColumnType::Integer),
        ("session", ColumnType::Text),
        ("state", ColumnType::Text),
        ("reason", ColumnType::Text),
        ("unwiped", ColumnType::Boolean),
        ("quarantines", ColumnType::Integer),
        ("due", ColumnType::Integer),
        ("now", ColumnType::Integer),
    ],
);

pub(super) static END_LEASE: SetStatement = SetStatement::new(
    "UPDATE lease SET released_at = CASE WHEN lease.granted_at > r.now THEN lease.granted_at ELSE r.now END FROM {rows} \
     WHERE lease.node = r.node AND lease.generation = r.generation AND lease.released_at IS NULL",
    &[
        ("node", ColumnType::Integer),
        ("generation", ColumnType::Integer),
        ("now", ColumnType::Integer),
    ],
);

pub(super) static HOLD: SetStatement = SetStatement::new(
    "UPDATE node SET state = 'held', state_since = r.now FROM {rows} \
     WHERE node.id = r.id AND node.generation = r.generation AND node.session = r.session",
    &[
        ("id", ColumnType::Integer),
        ("generation", ColumnType::Integer),
        ("session", ColumnType::Text),
        ("now", ColumnType::Integer),
    ],
);

/// Takes the nodes from their sessions; each with what it is then.
pub(crate) async fn release(
    transaction: &mut Transaction,
    now: i64,
    nodes: &[(&HeldNode, Condition)],
) -> Result<(), StorageError> {
    if nodes.is_empty() {
        return Ok(());
    }
    let (mut levels, mut held) = (LevelChanges::default(), HeldChanges::default());
    let (mut releases, mut leases): (Vec<Vec<Bind>>, Vec<Vec<Bind>>) = (Vec::new(), Vec::new());
    for (node, after) in nodes {
        levels.moves(node.pool, node.state, after.state);
        held.gives_back(&node.tenant);
        releases.push(vec![
            node.id.into(),
            node.generation.into(),
            (&node.session).into(),
            after.state.name().into(),
            after.reason.clone().into(),
            after.unwiped.into(),
            after.quarantines.into(),
            after.due.into(),
            now.into(),
        ]);
        leases.push(vec![node.id.into(), node.generation.into(), now.into()]);
    }
    transaction
        .change_set(&RELEASE, &releases, "nodes of sessions")
        .await?;
    transaction
        .change_set(&END_LEASE, &leases, "leases")
        .await?;
    levels.write(transaction).await?;
    held.write(transaction).await
}

/// Keeps the nodes in their sessions for a look. Those that are kept already stay as they are.
pub(crate) async fn hold(
    transaction: &mut Transaction,
    now: i64,
    nodes: &[HeldNode],
) -> Result<(), StorageError> {
    let mut levels = LevelChanges::default();
    let mut rows: Vec<Vec<Bind>> = Vec::new();
    for node in nodes.iter().filter(|node| node.state != NodeState::Held) {
        levels.moves(node.pool, node.state, NodeState::Held);
        rows.push(vec![
            node.id.into(),
            node.generation.into(),
            (&node.session).into(),
            now.into(),
        ]);
    }
    transaction
        .change_set(&HOLD, &rows, "nodes of sessions")
        .await?;
    levels.write(transaction).await
}
