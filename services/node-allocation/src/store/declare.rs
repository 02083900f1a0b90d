//! What the site file says of pools, nodes and quotas, made so.

use std::collections::{HashMap, HashSet};

use muster_contract::node_allocation::NodeState;
use muster_platform::host_names::names_within_names;
use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};
use sqlx::FromRow;
use tracing::warn;

use super::{
    change_nodes::{NewNode, add},
    levels::LevelChanges,
    state,
};
use crate::{
    domain::{hooks::Hooks, lifecycle::comes_back, states::NOT_DECLARED},
    site_nodes::{DeclaredNode, DeclaredPool},
};

static POOL: SetStatement = SetStatement::new(
    "INSERT INTO pool (name, version, architecture, flavor, fill_level, lifetime, maximum_lifetime, keeps_all_ready, \
         hook_agent, provision_limit, contextualize_limit, deprovision_limit, hook_attempts, maximum_ready_age, quarantine) \
     SELECT r.name, r.version, r.architecture, r.flavor, r.fill_level, r.lifetime, r.maximum_lifetime, r.keeps_all_ready, \
         r.hook_agent, r.provision_limit, r.contextualize_limit, r.deprovision_limit, r.hook_attempts, \
         r.maximum_ready_age, r.quarantine \
     FROM {rows} WHERE true \
     ON CONFLICT (name) DO UPDATE SET version = excluded.version, architecture = excluded.architecture, \
         flavor = excluded.flavor, fill_level = excluded.fill_level, lifetime = excluded.lifetime, \
         maximum_lifetime = excluded.maximum_lifetime, keeps_all_ready = excluded.keeps_all_ready, \
         hook_agent = excluded.hook_agent, provision_limit = excluded.provision_limit, \
         contextualize_limit = excluded.contextualize_limit, deprovision_limit = excluded.deprovision_limit, \
         hook_attempts = excluded.hook_attempts, maximum_ready_age = excluded.maximum_ready_age, \
         quarantine = excluded.quarantine",
    &[
        ("name", ColumnType::Text),
        ("version", ColumnType::Text),
        ("architecture", ColumnType::Text),
        ("flavor", ColumnType::Text),
        ("fill_level", ColumnType::Integer),
        ("lifetime", ColumnType::Integer),
        ("maximum_lifetime", ColumnType::Integer),
        ("keeps_all_ready", ColumnType::Boolean),
        ("hook_agent", ColumnType::Text),
        ("provision_limit", ColumnType::Integer),
        ("contextualize_limit", ColumnType::Integer),
        ("deprovision_limit", ColumnType::Integer),
        ("hook_attempts", ColumnType::Integer),
        ("maximum_ready_age", ColumnType::Integer),
        ("quarantine", ColumnType::Integer),
    ],
);

static LEVEL: SetStatement = SetStatement::new(
    "INSERT INTO pool_level (pool, state, nodes) SELECT r.pool, r.state, 0 FROM {rows} WHERE true ON CONFLICT DO NOTHING",
    &[("pool", ColumnType::Integer), ("state", ColumnType::Text)],
);

static UPDATE: SetStatement = SetStatement::new(
    "UPDATE node SET ip_address = r.ip_address, pool = r.pool, chassis = r.chassis, console_port = r.console_port, \
         state = r.state, state_since = r.state_since, draining = r.draining, reason = r.reason, declared = true, \
         unwiped = r.unwiped, hook_due = r.hook_due \
     FROM {rows} WHERE node.id = r.id",
    &[
        ("id", ColumnType::Integer),
        ("ip_address", ColumnType::Text),
        ("pool", ColumnType::Integer),
        ("chassis", ColumnType::Text),
        ("console_port", ColumnType::Integer),
        ("state", ColumnType::Text),
        ("state_since", ColumnType::Integer),
        ("draining", ColumnType::Boolean),
        ("reason", ColumnType::Text),
        ("unwiped", ColumnType::Boolean),
        ("hook_due", ColumnType::Integer),
    ],
);

static REMOVE: SetStatement = SetStatement::new(
    "DELETE FROM node WHERE id IN (SELECT r.id FROM {rows})",
    &[("id", ColumnType::Integer)],
);

static QUOTA: SetStatement = SetStatement::new(
    "INSERT INTO tenant (name, node_quota, held) SELECT r.name, r.node_quota, 0 FROM {rows} WHERE true \
     ON CONFLICT (name) DO UPDATE SET node_quota = excluded.node_quota",
    &[
        ("name", ColumnType::Text),
        ("node_quota", ColumnType::Integer),
    ],
);

#[derive(Debug, Clone, PartialEq, FromRow)]
struct Row {
    id: i64,
    hostname: String,
    ip_address: String,
    pool: i64,
    chassis: String,
    console_port: Option<i64>,
    state: String,
    state_since: i64,
    session: Option<String>,
    draining: bool,
    reason: Option<String>,
    declared: bool,
    unwiped: bool,
    hook_due: Option<i64>,
}

const NODES: &str = "SELECT id, hostname, ip_address, pool, chassis, console_port, state, state_since, session, draining, \
         reason, declared, unwiped, hook_due FROM node";

/// A pool that is in the tables.
#[derive(Debug, Clone)]
pub(crate) struct KnownPool {
    id: i64,
    hooks: Hooks,
}

/// Makes the pools there are those that are declared; says them by name. One that is declared no more goes when
/// no node is left in it ([`remove_empty_pools`]).
pub(crate) async fn declare_pools(
    transaction: &mut Transaction,
    pools: &[DeclaredPool],
) -> Result<HashMap<String, KnownPool>, StorageError> {
    let rows: Vec<Vec<Bind>> = pools
        .iter()
        .map(|pool| {
            vec![
                (&pool.name).into(),
                (&pool.version).into(),
                (&pool.architecture).into(),
                pool.flavor.clone().into(),
                pool.fill_level.into(),
                pool.lifetime.into(),
                pool.maximum_lifetime.into(),
                pool.keeps_all_ready.into(),
                pool.hooks.agent.clone().into(),
                pool.hooks.provision.into(),
                pool.hooks.contextualize.into(),
                pool.hooks.deprovision.into(),
                pool.hooks.attempts.into(),
                pool.maximum_ready_age.into(),
                pool.quarantine.into(),
            ]
        })
        .collect();
    transaction.execute_set(&POOL, &rows).await?;
    let stored: Vec<(String, i64)> = transaction
        .fetch_all("SELECT name, id FROM pool", &[])
        .await?;
    let levels: Vec<Vec<Bind>> = stored
        .iter()
        .flat_map(|(_, id)| NodeState::ALL.map(|state| vec![(*id).into(), state.name().into()]))
        .collect();
    transaction.execute_set(&LEVEL, &levels).await?;
    let mut declared: HashMap<&str, &DeclaredPool> = pools
        .iter()
        .map(|pool| (pool.name.as_str(), pool))
        .collect();
    let known = stored.into_iter().map(|(name, id)| {
        let pool = declared.remove(name.as_str());
        let hooks = pool.map(|pool| pool.hooks.clone()).unwrap_or_default();
        (name, KnownPool { id, hooks })
    });
    Ok(known.collect())
}

/// Removes the pools that are not declared and have no nodes.
pub(crate) async fn remove_empty_pools(
    transaction: &mut Transaction,
    pools: &[DeclaredPool],
) -> Result<(), StorageError> {
    static REMOVE_POOL: SetStatement = SetStatement::new(
        "DELETE FROM pool WHERE id IN (SELECT r.id FROM {rows})",
        &[("id", ColumnType::Integer)],
    );
    let declared: HashSet<&str> = pools.iter().map(|pool| pool.name.as_str()).collect();
    let empty: Vec<(i64, String)> = transaction
        .fetch_all(
            "SELECT pool.id, pool.name FROM pool \
             WHERE (SELECT MIN(node.id) FROM node WHERE node.pool = pool.id) IS NULL",
            &[],
        )
        .await?;
    let gone: Vec<Vec<Bind>> = empty
        .into_iter()
        .filter(|(_, name)| !declared.contains(name.as_str()))
        .map(|(id, _)| vec![id.into()])
        .collect();
    transaction.execute_set(&REMOVE_POOL, &gone).await?;
    Ok(())
}

/// Makes the nodes there are those that are declared, besides those that operators added. One that is declared no more is
/// removed when no session holds it; else it is drained, and removed by a later start.
pub(crate) async fn declare_nodes(
    transaction: &mut Transaction,
    now: i64,
    nodes: &[DeclaredNode],
    pools: &HashMap<String, KnownPool>,
) -> Result<(), StorageError> {
    let stored: Vec<Row> = transaction.fetch_all(NODES, &[]).await?;
    let mut stored: HashMap<String, Row> = stored
        .into_iter()
        .map(|row| (row.hostname.clone(), row))
        .collect();
    let mut levels = LevelChanges::default();
    let (mut new, mut changed, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    for node in nodes {
        let pool = pools
            .get(&node.pool)
            .ok_or_else(|| super::unreadable("pool", &node.pool))?;
        match stored.remove(&node.hostname) {
            None => new.push(NewNode {
                hostname: &node.hostname,
                ip_address: &node.ip_address,
                pool: pool.id,
                state: comes_back(&pool.hooks, false, 0, now).state,
                chassis: &node.chassis,
                console_port: node.console_port,
                declared: true,
                reason: None,
            }),
            Some(before) => {
                let after = redeclared(before.clone(), node, pool, now);
                if after != before {
                    levels.leaves(before.pool, state(&before.state)?);
                    levels.enters(after.pool, state(&after.state)?);
                    changed.push(update(after));
                }
            }
        }
    }
    let mut added_by_operators = Vec::new();
    for node in stored.into_values() {
        if !node.declared {
            added_by_operators.push(node.hostname);
            continue;
        }
        if node.session.is_none() {
            levels.leaves(node.pool, state(&node.state)?);
            gone.push(vec![node.id.into()]);
        } else if !node.draining {
            changed.push(update(Row {
                draining: true,
                reason: Some(NOT_DECLARED.to_owned()),
                ..node
            }));
        }
    }
    warn_of_ambiguous(nodes, &added_by_operators);
    transaction.execute_set(&REMOVE, &gone).await?;
    transaction.execute_set(&UPDATE, &changed).await?;
    add(transaction, now, &new, &mut levels).await?;
    levels.write(transaction).await
}

/// Sessions may have nodes since before their pools had hooks.
pub(crate) async fn have_used_nodes_wiped(
    transaction: &mut Transaction,
) -> Result<(), StorageError> {
    const USED: &str = "UPDATE node SET unwiped = true WHERE session IS NOT NULL AND NOT unwiped \
         AND pool IN (SELECT id FROM pool WHERE hook_agent IS NOT NULL)";
    transaction.execute(USED, &[]).await.map(drop)
}

/// The site file alone has been checked. That a service starts matters more than one name that clients may take for another,
/// so of those that operators added it is only said.
fn warn_of_ambiguous(nodes: &[DeclaredNode], added: &[String]) {
    if added.is_empty() {
        return;
    }
    let declared = nodes.iter().map(|node| node.hostname.as_str());
    let names: Vec<&str> = declared.chain(added.iter().map(String::as_str)).collect();
    for (part, whole) in names_within_names(&names) {
        if let (Some(part), Some(whole)) = (names.get(part), names.get(whole)) {
            warn!(
                target: "muster::node_allocation",
                node = part, other = whole,
                "the name of a node is part of the name of another: clients take one for the other"
            );
        }
    }
}

/// A node as it is when it is declared again. What an operator did to it stays.
fn redeclared(before: Row, node: &DeclaredNode, pool: &KnownPool, now: i64) -> Row {
    let mut after = Row {
        ip_address: node.ip_address.clone(),
        pool: pool.id,
        chassis: node.chassis.clone(),
        console_port: node.console_port,
        declared: true,
        ..before
    };
    if after.reason.as_deref() == Some(NOT_DECLARED) {
        after.reason = None;
        after.draining = false;
        if after.session.is_none() {
            let condition = comes_back(&pool.hooks, after.unwiped, 0, now);
            condition.state.name().clone_into(&mut after.state);
            after.state_since = now;
            after.unwiped = condition.unwiped;
            after.hook_due = condition.due;
        }
    }
    after
}

fn update(row: Row) -> Vec<Bind> {
    vec![
        row.id.into(),
        row.ip_address.into(),
        row.pool.into(),
        row.chassis.into(),
        row.console_port.into(),
        row.state.into(),
        row.state_since.into(),
        row.draining.into(),
        row.reason.into(),
        row.unwiped.into(),
        row.hook_due.into(),
    ]
}

/// Sets the quotas of these projects; others have none any more.
pub(crate) async fn declare_quotas(
    transaction: &mut Transaction,
    quotas: &[(String, Option<u32>)],
) -> Result<(), StorageError> {
    transaction
        .execute(
            "UPDATE tenant SET node_quota = NULL WHERE node_quota IS NOT NULL",
            &[],
        )
        .await?;
    let rows: Vec<Vec<Bind>> = quotas
        .iter()
        .map(|(name, quota)| vec![name.into(), (*quota).into()])
        .collect();
    transaction.execute_set(&QUOTA, &rows).await?;
    Ok(())
}
