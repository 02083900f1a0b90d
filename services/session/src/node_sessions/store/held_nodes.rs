//! How many nodes the projects hold for a look.

use std::collections::HashMap;

use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};
use sqlx::FromRow;

#[derive(Debug, FromRow)]
struct HeldRow {
    tenant: String,
    nodes: i64,
}

pub(super) static HELD: SetStatement = SetStatement::new(
    "SELECT r.tenant, (SELECT COUNT(*) FROM node_session \
         JOIN session_node ON session_node.session = node_session.id \
         WHERE node_session.tenant = r.tenant AND node_session.state = 'held' AND node_session.ended_at IS NULL \
         AND session_node.released_at IS NULL) AS nodes \
     FROM {rows}",
    &[("tenant", ColumnType::Text)],
);

/// Nodes in held sessions, by tenant. Each tenant once.
pub(crate) async fn held_nodes(
    transaction: &mut Transaction,
    tenants: impl IntoIterator<Item = &str>,
) -> Result<HashMap<String, i64>, StorageError> {
    let rows: Vec<Vec<Bind>> = tenants
        .into_iter()
        .map(|tenant| vec![tenant.into()])
        .collect();
    let rows: Vec<HeldRow> = transaction.fetch_set(&HELD, &rows).await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.tenant, row.nodes))
        .collect())
}
