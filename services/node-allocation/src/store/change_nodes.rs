//! Nodes made, changed and taken away.

use muster_contract::node_allocation::NodeState;
use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};

use super::{all_changed, find_node::FoundNode, levels::LevelChanges};

/// A node that is new.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewNode<'a> {
    pub(crate) hostname: &'a str,
    pub(crate) ip_address: &'a str,
    pub(crate) pool: i64,
    pub(crate) chassis: &'a str,
    pub(crate) console_port: Option<i64>,
    /// The site file has it.
    pub(crate) declared: bool,
    pub(crate) reason: Option<&'a str>,
    /// Free at once, or not used until it is installed.
    pub(crate) state: NodeState,
}

static ADD: SetStatement = SetStatement::new(
    "INSERT INTO node (hostname, ip_address, pool, chassis, console_port, state, state_since, used_count, generation, \
         draining, reason, declared) \
     SELECT r.hostname, r.ip_address, r.pool, r.chassis, r.console_port, r.state, r.now, 0, 0, false, r.reason, r.declared \
     FROM {rows} WHERE true",
    &[
        ("hostname", ColumnType::Text),
        ("ip_address", ColumnType::Text),
        ("pool", ColumnType::Integer),
        ("chassis", ColumnType::Text),
        ("console_port", ColumnType::Integer),
        ("now", ColumnType::Integer),
        ("reason", ColumnType::Text),
        ("declared", ColumnType::Boolean),
        ("state", ColumnType::Text),
    ],
);

const SET_STATE: &str = "UPDATE node SET state = $2, state_since = $3, reason = $4, draining = false, \
         hook_failures = 0, quarantines = 0, hook_due = $5, unwiped = unwiped AND NOT $6 \
     WHERE id = $1 AND session IS NULL";

const DRAIN: &str =
    "UPDATE node SET draining = true, reason = $2 WHERE id = $1 AND session IS NOT NULL";

/// Adds nodes.
pub(crate) async fn add(
    transaction: &mut Transaction,
    now: i64,
    nodes: &[NewNode<'_>],
    levels: &mut LevelChanges,
) -> Result<(), StorageError> {
    let text = |text: Option<&str>| Bind::Text(text.map(str::to_owned));
    let rows: Vec<Vec<Bind>> = nodes
        .iter()
        .map(|node| {
            levels.enters(node.pool, node.state);
            vec![
                node.hostname.into(),
                node.ip_address.into(),
                node.pool.into(),
                node.chassis.into(),
                node.console_port.into(),
                now.into(),
                text(node.reason),
                node.declared.into(),
                node.state.name().into(),
            ]
        })
        .collect();
    transaction.write_set(&ADD, &rows).await
}

/// Puts a node that no session holds into a state, in which something may be due to it. What went wrong with it before is
/// forgotten.
pub(crate) async fn set_state(
    transaction: &mut Transaction,
    now: i64,
    node: &FoundNode,
    state: NodeState,
    due: Option<i64>,
    reason: Option<&str>,
) -> Result<(), StorageError> {
    let reason = Bind::Text(reason.map(str::to_owned));
    let binds = [
        node.id.into(),
        state.name().into(),
        now.into(),
        reason,
        due.into(),
        // One that has to be wiped before it is free is not put into that state.
        (state == NodeState::Ready).into(),
    ];
    let changed = transaction.execute(SET_STATE, &binds).await?;
    all_changed("nodes", changed, 1)?;
    let mut levels = LevelChanges::default();
    levels.moves(node.pool, node.state, state);
    levels.write(transaction).await
}

/// Has a node that a session holds reserved when it is given back.
pub(crate) async fn drain(
    transaction: &mut Transaction,
    node: &FoundNode,
    reason: Option<&str>,
) -> Result<(), StorageError> {
    let reason = Bind::Text(reason.map(str::to_owned));
    let changed = transaction
        .execute(DRAIN, &[node.id.into(), reason])
        .await?;
    all_changed("nodes", changed, 1)
}
