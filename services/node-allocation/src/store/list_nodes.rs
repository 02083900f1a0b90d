//! Reading nodes.

use std::collections::HashMap;

use muster_contract::node_allocation::{ListNodes, Node};
use muster_storage::{Bind, ComposedSql, Database, StorageError, Transaction};
use sqlx::FromRow;

use super::state;

macro_rules! columns {
    () => {
        "node.id, node.hostname, node.ip_address, node.pool, node.chassis, node.console_port, node.state, \
         node.state_since, node.used_count, node.generation, node.tenant, node.session, node.reason"
    };
}

#[derive(Debug, FromRow)]
struct Row {
    id: i64,
    hostname: String,
    ip_address: String,
    pool: i64,
    chassis: String,
    console_port: Option<i64>,
    state: String,
    state_since: i64,
    used_count: i64,
    generation: i64,
    tenant: Option<String>,
    session: Option<String>,
    reason: Option<String>,
}

/// The part of a node that its pool says.
#[derive(Debug, FromRow)]
struct PoolRow {
    id: i64,
    name: String,
    version: String,
    architecture: String,
    flavor: Option<String>,
}

const POOLS: &str = "SELECT id, name, version, architecture, flavor FROM pool";

const BY_NAME: &str = concat!("SELECT ", columns!(), " FROM node WHERE node.hostname = $1");

impl Row {
    fn into_node(self, pools: &HashMap<i64, PoolRow>) -> Result<Node, StorageError> {
        let pool = pools
            .get(&self.pool)
            .ok_or_else(|| super::unreadable("pool", self.pool))?;
        Ok(Node {
            id: self.id,
            hostname: self.hostname,
            ip_address: self.ip_address,
            pool: pool.name.clone(),
            chassis: self.chassis,
            console_port: self.console_port,
            version: pool.version.clone(),
            architecture: pool.architecture.clone(),
            flavor: pool.flavor.clone(),
            state: state(&self.state)?,
            used_count: self.used_count,
            tenant: self.tenant,
            session: self.session,
            generation: self.generation,
            reason: self.reason,
            state_since: self.state_since,
        })
    }
}

fn by_id(pools: Vec<PoolRow>) -> HashMap<i64, PoolRow> {
    pools.into_iter().map(|pool| (pool.id, pool)).collect()
}

/// The node of that name.
pub(crate) async fn node(
    transaction: &mut Transaction,
    hostname: &str,
) -> Result<Option<Node>, StorageError> {
    let row: Option<Row> = transaction
        .fetch_optional(BY_NAME, &[hostname.into()])
        .await?;
    let pools = by_id(transaction.fetch_all(POOLS, &[]).await?);
    row.map(|row| row.into_node(&pools)).transpose()
}

/// The nodes that are asked for, as of one moment.
pub(crate) async fn list_nodes(
    database: &Database,
    question: &ListNodes,
) -> Result<Vec<Node>, StorageError> {
    let mut snapshot = database.snapshot().await?;
    let pools = by_id(snapshot.fetch_all(POOLS, &[]).await?);
    let pool = match &question.pool {
        None => None,
        Some(name) => match pools.values().find(|pool| pool.name == *name) {
            Some(pool) => Some(pool.id),
            None => return Ok(Vec::new()),
        },
    };
    let (sql, binds) = statement(question, pool);
    let rows: Vec<Row> = snapshot.fetch_composed(sql, &binds).await?;
    rows.into_iter().map(|row| row.into_node(&pools)).collect()
}

/// The list's statement. Each filter has an index in the list's order; of several, the engine takes one.
pub(super) fn statement(question: &ListNodes, pool: Option<i64>) -> (ComposedSql, Vec<Bind>) {
    let mut binds: Vec<Bind> = vec![question.after.into()];
    let mut sql = ComposedSql::new()
        .push(concat!(
            "SELECT ",
            columns!(),
            " FROM node WHERE node.id > "
        ))
        .push_place(1);
    let conditions: [(&'static str, Option<Bind>); 4] = [
        (
            " AND node.tenant = ",
            question.tenant.as_ref().map(Bind::from),
        ),
        (
            " AND node.session = ",
            question.session.as_ref().map(Bind::from),
        ),
        (" AND node.pool = ", pool.map(Bind::from)),
        (" AND node.id = ", question.id.map(Bind::from)),
    ];
    for (condition, bind) in conditions {
        if let Some(bind) = bind {
            binds.push(bind);
            sql = sql.push(condition).push_place(binds.len());
        }
    }
    let mut states = question.states.clone();
    // In one order and each once: the same statement for the same question.
    states.sort_unstable();
    states.dedup();
    for (number, state) in states.iter().enumerate() {
        binds.push(state.name().into());
        let start = if number == 0 {
            " AND node.state IN ("
        } else {
            ", "
        };
        sql = sql.push(start).push_place(binds.len());
    }
    if !states.is_empty() {
        sql = sql.push(")");
    }
    sql = sql.push(" ORDER BY node.id");
    if let Some(limit) = question.limit {
        binds.push(limit.into());
        sql = sql.push(" LIMIT ").push_place(binds.len());
    }
    (sql, binds)
}
