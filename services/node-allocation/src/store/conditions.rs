//! What becomes of nodes as agents work on them.

use muster_contract::node_allocation::NodeState;
use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};

use super::levels::LevelChanges;
use crate::domain::lifecycle::Condition;

/// A node and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) id: i64,
    pub(crate) pool: i64,
    pub(crate) generation: i64,
    /// The state that it was read in.
    pub(crate) before: NodeState,
    pub(crate) after: Condition,
}

pub(super) static CHANGE: SetStatement = SetStatement::new(
    "UPDATE node SET state_since = CASE WHEN node.state = r.state THEN node.state_since ELSE r.now END, \
         state = r.state, reason = r.reason, unwiped = r.unwiped, hook_failures = r.failures, \
         quarantines = r.quarantines, hook_due = r.due FROM {rows} \
     WHERE node.id = r.id AND node.generation = r.generation AND node.state = r.before",
    &[
        ("id", ColumnType::Integer),
        ("generation", ColumnType::Integer),
        ("before", ColumnType::Text),
        ("state", ColumnType::Text),
        ("reason", ColumnType::Text),
        ("unwiped", ColumnType::Boolean),
        ("failures", ColumnType::Integer),
        ("quarantines", ColumnType::Integer),
        ("due", ColumnType::Integer),
        ("now", ColumnType::Integer),
    ],
);

pub(super) static POSTPONE: SetStatement = SetStatement::new(
    "UPDATE node SET hook_due = r.due FROM {rows} WHERE node.id = r.id",
    &[("id", ColumnType::Integer), ("due", ColumnType::Integer)],
);

/// What is to be done to these nodes is due at that time only.
pub(crate) async fn postpone(
    transaction: &mut Transaction,
    due: i64,
    nodes: &[i64],
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = nodes
        .iter()
        .map(|node| vec![(*node).into(), due.into()])
        .collect();
    transaction.write_set(&POSTPONE, &rows).await
}

/// Changes the nodes, each named once. They stay in their sessions, if they are in any.
pub(crate) async fn change(
    transaction: &mut Transaction,
    now: i64,
    changes: &[Change],
) -> Result<(), StorageError> {
    if changes.is_empty() {
        return Ok(());
    }
    let mut levels = LevelChanges::default();
    let rows: Vec<Vec<Bind>> = changes
        .iter()
        .map(|change| {
            let after = &change.after;
            levels.moves(change.pool, change.before, after.state);
            vec![
                change.id.into(),
                change.generation.into(),
                change.before.name().into(),
                after.state.name().into(),
                after.reason.clone().into(),
                after.unwiped.into(),
                after.failures.into(),
                after.quarantines.into(),
                after.due.into(),
                now.into(),
            ]
        })
        .collect();
    transaction.change_set(&CHANGE, &rows, "nodes").await?;
    levels.write(transaction).await
}
