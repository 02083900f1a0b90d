//! Nodes that no session holds and something is to be done to.

use muster_contract::node_allocation::NodeState;
use muster_storage::{Bind, StorageError, Transaction};
use sqlx::FromRow;

use super::{count, state};
use crate::domain::lifecycle::Record;

/// A node that no session holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IdleNode {
    pub(crate) id: i64,
    pub(crate) pool: i64,
    pub(crate) generation: i64,
    pub(crate) state: NodeState,
    pub(crate) unwiped: bool,
    pub(crate) record: Record,
}

#[derive(Debug, FromRow)]
struct Row {
    id: i64,
    pool: i64,
    generation: i64,
    state: String,
    unwiped: bool,
    hook_failures: i64,
    quarantines: i64,
}

macro_rules! columns {
    () => {
        "node.id, node.pool, node.generation, node.state, node.unwiped, node.hook_failures, node.quarantines"
    };
}

pub(super) const DUE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM node WHERE node.hook_due <= $1 ORDER BY node.hook_due LIMIT $2"
);

pub(super) const UNUSED: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM node WHERE node.pool = $1 AND node.state = 'unused' ORDER BY node.id LIMIT $2"
);

/// Reads all free nodes of the pool: once a minute, and only in pools whose nodes are installed anew.
const READY_SINCE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM node WHERE node.pool = $1 AND node.state = 'ready' AND node.state_since <= $2 \
     ORDER BY node.state_since, node.id LIMIT $3"
);

/// What there may be to do: the earliest deadline of an order, the earliest time that something is due to a node, and a pool
/// that has nodes to install.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(crate) struct ToDo {
    pub(crate) deadline: Option<i64>,
    pub(crate) due: Option<i64>,
    pub(crate) pool: Option<i64>,
}

pub(super) const TO_DO: &str = "SELECT (SELECT MIN(deadline) FROM hook_order) AS deadline, \
     (SELECT MIN(hook_due) FROM node WHERE hook_due IS NOT NULL) AS due, \
     (SELECT MIN(pool.id) FROM pool JOIN pool_level ON pool_level.pool = pool.id AND pool_level.state = 'unused' \
         WHERE pool.hook_agent IS NOT NULL AND pool.provision_limit IS NOT NULL AND pool_level.nodes > 0) AS pool";

/// What there may be to do.
pub(crate) async fn to_do(transaction: &mut Transaction) -> Result<ToDo, StorageError> {
    let nothing = ToDo {
        deadline: None,
        due: None,
        pool: None,
    };
    let row = transaction.fetch_optional(TO_DO, &[]).await?;
    Ok(row.unwrap_or(nothing))
}

/// Nodes to which something is due, so many at most.
pub(crate) async fn due(
    transaction: &mut Transaction,
    now: i64,
    limit: i64,
) -> Result<Vec<IdleNode>, StorageError> {
    read(transaction, DUE, &[now.into(), limit.into()]).await
}

/// Nodes of a pool that could be installed, so many at most.
pub(crate) async fn unused(
    transaction: &mut Transaction,
    pool: i64,
    limit: u32,
) -> Result<Vec<IdleNode>, StorageError> {
    read(transaction, UNUSED, &[pool.into(), limit.into()]).await
}

/// Nodes of a pool that have been free since before that time, the longest first, so many at most.
pub(crate) async fn ready_since(
    transaction: &mut Transaction,
    pool: i64,
    before: i64,
    limit: u32,
) -> Result<Vec<IdleNode>, StorageError> {
    let binds = [pool.into(), before.into(), limit.into()];
    read(transaction, READY_SINCE, &binds).await
}

async fn read(
    transaction: &mut Transaction,
    sql: &'static str,
    binds: &[Bind],
) -> Result<Vec<IdleNode>, StorageError> {
    let rows: Vec<Row> = transaction.fetch_all(sql, binds).await?;
    rows.into_iter()
        .map(|row| {
            Ok(IdleNode {
                id: row.id,
                pool: row.pool,
                generation: row.generation,
                state: state(&row.state)?,
                unwiped: row.unwiped,
                record: Record {
                    failures: count("number of failures", row.hook_failures)?,
                    quarantines: count("number of quarantines", row.quarantines)?,
                },
            })
        })
        .collect()
}
