//! What batch systems say of nodes.

use muster_contract::job_archive::{KnownNode, NodeReport, NodeState};
use muster_storage::{Bind, ColumnType, Database, SetStatement, StorageError, Transaction};
use sqlx::FromRow;

use super::{hold_job::text, unreadable};

/// What is known is replaced only by what is later, or was told later of the same second.
pub(super) static RECORD: SetStatement = SetStatement::new(
    "INSERT INTO node_state (tenant, cluster, hostname, state, cpus_allocated, memory_allocated, gpus_allocated, \
         jobs_running, reported_at, since) \
     SELECT r.tenant, r.cluster, r.hostname, r.state, r.cpus_allocated, r.memory_allocated, r.gpus_allocated, \
         r.jobs_running, r.reported_at, r.reported_at FROM {rows} WHERE true \
     ON CONFLICT (tenant, cluster, hostname) DO UPDATE SET \
         since = CASE WHEN node_state.state = excluded.state THEN node_state.since ELSE excluded.since END, \
         state = excluded.state, cpus_allocated = excluded.cpus_allocated, \
         memory_allocated = excluded.memory_allocated, gpus_allocated = excluded.gpus_allocated, \
         jobs_running = excluded.jobs_running, reported_at = excluded.reported_at \
     WHERE node_state.reported_at <= excluded.reported_at",
    &[
        ("tenant", ColumnType::Text),
        ("cluster", ColumnType::Text),
        ("hostname", ColumnType::Text),
        ("state", ColumnType::Text),
        ("cpus_allocated", ColumnType::Integer),
        ("memory_allocated", ColumnType::Integer),
        ("gpus_allocated", ColumnType::Integer),
        ("jobs_running", ColumnType::Integer),
        ("reported_at", ColumnType::Integer),
    ],
);

const KNOWN: &str = "SELECT cluster, hostname, state, cpus_allocated, memory_allocated, gpus_allocated, jobs_running, \
         reported_at, since \
     FROM node_state WHERE tenant = $1 AND (CAST($2 AS TEXT) IS NULL OR cluster = $2) ORDER BY cluster, hostname";

#[derive(Debug, FromRow)]
struct NodeRow {
    cluster: String,
    hostname: String,
    state: String,
    cpus_allocated: i64,
    memory_allocated: i64,
    gpus_allocated: i64,
    jobs_running: i64,
    reported_at: i64,
    since: i64,
}

/// Records what a tenant says of nodes of a cluster at a time, in seconds. Each node stands there once, in the order of
/// the names, so that replicas do not wait for each other.
pub(crate) async fn record_node_states(
    transaction: &mut Transaction,
    tenant: &str,
    cluster: &str,
    time: i64,
    nodes: impl IntoIterator<Item = &NodeReport>,
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = nodes
        .into_iter()
        .map(|node| {
            vec![
                tenant.into(),
                cluster.into(),
                (&node.hostname).into(),
                node.state.name().into(),
                node.cpus_allocated.into(),
                node.memory_allocated.into(),
                node.gpus_allocated.into(),
                node.jobs_running.into(),
                time.into(),
            ]
        })
        .collect();
    transaction.execute_set(&RECORD, &rows).await?;
    Ok(())
}

/// What is known of a tenant's nodes, by cluster and name.
pub(crate) async fn known_nodes(
    database: &Database,
    tenant: &str,
    cluster: Option<&str>,
) -> Result<Vec<KnownNode>, StorageError> {
    let rows: Vec<NodeRow> = database
        .fetch_all(KNOWN, &[tenant.into(), text(cluster)])
        .await?;
    rows.into_iter()
        .map(|row| {
            let state =
                NodeState::from_name(&row.state).ok_or_else(|| unreadable("state", &row.state))?;
            Ok(KnownNode {
                cluster: row.cluster,
                report: NodeReport {
                    hostname: row.hostname,
                    state,
                    cpus_allocated: row.cpus_allocated,
                    memory_allocated: row.memory_allocated,
                    gpus_allocated: row.gpus_allocated,
                    jobs_running: row.jobs_running,
                },
                time: row.reported_at,
                since: row.since,
            })
        })
        .collect()
}
