//! What agents are doing to nodes.

use std::collections::HashMap;

use muster_contract::{agent::NodeHook, node_allocation::NodeState};
use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};
use sqlx::FromRow;
use uuid::Uuid;

use super::{count, state, unreadable};
use crate::domain::{lifecycle::Record, releasing::HeldNode};

/// An order that lives, with its node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LiveOrder {
    pub(crate) id: Uuid,
    pub(crate) hook: NodeHook,
    pub(crate) agent: String,
    /// The node has had no other lease since.
    pub(crate) is_of_latest_lease: bool,
    pub(crate) node: OrderedNode,
}

/// The node of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrderedNode {
    pub(crate) id: i64,
    pub(crate) hostname: String,
    pub(crate) pool: i64,
    pub(crate) generation: i64,
    pub(crate) state: NodeState,
    pub(crate) session: Option<String>,
    pub(crate) tenant: Option<String>,
    pub(crate) draining: bool,
    pub(crate) reason: Option<String>,
    pub(crate) unwiped: bool,
    pub(crate) record: Record,
}

impl OrderedNode {
    /// As a node that a session holds, if one does.
    pub(crate) fn held(&self) -> Option<HeldNode> {
        Some(HeldNode {
            id: self.id,
            pool: self.pool,
            generation: self.generation,
            session: self.session.clone()?,
            tenant: self.tenant.clone()?,
            state: self.state,
            draining: self.draining,
            reason: self.reason.clone(),
            unwiped: self.unwiped,
            quarantines: self.record.quarantines,
        })
    }
}

/// An order that is new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewOrder {
    pub(crate) id: Uuid,
    pub(crate) node: i64,
    pub(crate) generation: i64,
    pub(crate) hook: NodeHook,
    pub(crate) attempt: u32,
    pub(crate) agent: String,
    pub(crate) deadline: i64,
}

/// What an order says of its node.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Subject {
    pub(crate) id: i64,
    pub(crate) hostname: String,
    pub(crate) ip_address: String,
    pub(crate) pool: i64,
    pub(crate) generation: i64,
    /// Of the latest lease.
    pub(crate) session: Option<String>,
    pub(crate) tenant: Option<String>,
}

#[derive(Debug, FromRow)]
struct Row {
    id: String,
    hook: String,
    agent: String,
    order_generation: i64,
    node: i64,
    hostname: String,
    pool: i64,
    generation: i64,
    state: String,
    session: Option<String>,
    tenant: Option<String>,
    draining: bool,
    reason: Option<String>,
    unwiped: bool,
    hook_failures: i64,
    quarantines: i64,
}

macro_rules! columns {
    () => {
        "hook_order.id, hook_order.hook, hook_order.agent, hook_order.generation AS order_generation, \
         node.id AS node, node.hostname, node.pool, node.generation, node.state, node.session, node.tenant, \
         node.draining, node.reason, node.unwiped, node.hook_failures, node.quarantines"
    };
}

pub(super) static FIND: SetStatement = SetStatement::new(
    concat!(
        "SELECT ",
        columns!(),
        " FROM {rows} JOIN hook_order ON hook_order.id = r.id JOIN node ON node.id = hook_order.node"
    ),
    &[("id", ColumnType::Text)],
);

pub(super) const OVERDUE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM hook_order JOIN node ON node.id = hook_order.node \
     WHERE hook_order.deadline <= $1 ORDER BY hook_order.deadline LIMIT $2"
);

pub(super) static SUBJECTS: SetStatement = SetStatement::new(
    "SELECT node.id, node.hostname, node.ip_address, node.pool, node.generation, lease.session, lease.tenant \
     FROM {rows} JOIN node ON node.id = r.node \
     LEFT JOIN lease ON lease.node = node.id AND lease.generation = node.generation",
    &[("node", ColumnType::Integer)],
);

pub(super) static COUNT: SetStatement = SetStatement::new(
    "SELECT r.agent, (SELECT COUNT(*) FROM hook_order \
         WHERE hook_order.agent = r.agent AND hook_order.hook <> 'contextualize') FROM {rows}",
    &[("agent", ColumnType::Text)],
);

static ADD: SetStatement = SetStatement::new(
    "INSERT INTO hook_order (id, node, generation, hook, attempt, agent, deadline) \
     SELECT r.id, r.node, r.generation, r.hook, r.attempt, r.agent, r.deadline FROM {rows} WHERE true",
    &[
        ("id", ColumnType::Text),
        ("node", ColumnType::Integer),
        ("generation", ColumnType::Integer),
        ("hook", ColumnType::Text),
        ("attempt", ColumnType::Integer),
        ("agent", ColumnType::Text),
        ("deadline", ColumnType::Integer),
    ],
);

pub(super) static REMOVE: SetStatement = SetStatement::new(
    "DELETE FROM hook_order WHERE id IN (SELECT r.id FROM {rows})",
    &[("id", ColumnType::Text)],
);

const REMOVE_OF_NODE: &str = "DELETE FROM hook_order WHERE node = $1";

/// Those of these orders that live, each named once.
pub(crate) async fn find(
    transaction: &mut Transaction,
    ids: impl IntoIterator<Item = Uuid>,
) -> Result<Vec<LiveOrder>, StorageError> {
    let rows: Vec<Vec<Bind>> = ids
        .into_iter()
        .map(|id| vec![id.to_string().into()])
        .collect();
    let rows: Vec<Row> = transaction.fetch_set(&FIND, &rows).await?;
    rows.into_iter().map(live_order).collect()
}

/// Orders whose deadline was before that time, so many at most.
pub(crate) async fn overdue(
    transaction: &mut Transaction,
    before: i64,
    limit: i64,
) -> Result<Vec<LiveOrder>, StorageError> {
    let binds = [before.into(), limit.into()];
    let rows: Vec<Row> = transaction.fetch_all(OVERDUE, &binds).await?;
    rows.into_iter().map(live_order).collect()
}

/// What orders say of these nodes, each named once.
pub(crate) async fn subjects(
    transaction: &mut Transaction,
    nodes: impl IntoIterator<Item = i64>,
) -> Result<Vec<Subject>, StorageError> {
    let rows: Vec<Vec<Bind>> = nodes.into_iter().map(|node| vec![node.into()]).collect();
    transaction.fetch_set(&SUBJECTS, &rows).await
}

/// How many orders each of these agents has at hand that nobody waits for.
pub(crate) async fn unhurried(
    transaction: &mut Transaction,
    agents: impl IntoIterator<Item = &str>,
) -> Result<HashMap<String, u32>, StorageError> {
    let rows: Vec<Vec<Bind>> = agents.into_iter().map(|agent| vec![agent.into()]).collect();
    let rows: Vec<(String, i64)> = transaction.fetch_set(&COUNT, &rows).await?;
    rows.into_iter()
        .map(|(agent, orders)| Ok((agent, count("number of orders", orders)?)))
        .collect()
}

/// Notes that these are carried out. A node has one at most.
pub(crate) async fn add(
    transaction: &mut Transaction,
    orders: &[NewOrder],
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = orders
        .iter()
        .map(|order| {
            vec![
                order.id.to_string().into(),
                order.node.into(),
                order.generation.into(),
                order.hook.name().into(),
                order.attempt.into(),
                (&order.agent).into(),
                order.deadline.into(),
            ]
        })
        .collect();
    transaction.write_set(&ADD, &rows).await
}

/// Notes that these have come to their end.
pub(crate) async fn remove(
    transaction: &mut Transaction,
    orders: impl IntoIterator<Item = Uuid>,
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = orders
        .into_iter()
        .map(|id| vec![id.to_string().into()])
        .collect();
    transaction.write_set(&REMOVE, &rows).await
}

/// What is reported of the node's order from now on changes nothing.
pub(crate) async fn forget_order_of(
    transaction: &mut Transaction,
    node: i64,
) -> Result<(), StorageError> {
    transaction
        .execute(REMOVE_OF_NODE, &[node.into()])
        .await
        .map(drop)
}

fn live_order(row: Row) -> Result<LiveOrder, StorageError> {
    let hook = NodeHook::from_name(&row.hook).ok_or_else(|| unreadable("hook", &row.hook))?;
    Ok(LiveOrder {
        id: row.id.parse().map_err(|error| unreadable("order", error))?,
        hook,
        agent: row.agent,
        is_of_latest_lease: row.order_generation == row.generation,
        node: OrderedNode {
            id: row.node,
            hostname: row.hostname,
            pool: row.pool,
            generation: row.generation,
            state: state(&row.state)?,
            session: row.session,
            tenant: row.tenant,
            draining: row.draining,
            reason: row.reason,
            unwiped: row.unwiped,
            record: Record {
                failures: count("number of failures", row.hook_failures)?,
                quarantines: count("number of quarantines", row.quarantines)?,
            },
        },
    })
}
