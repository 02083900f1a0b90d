//! The nodes that sessions hold.

use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};
use sqlx::FromRow;

use super::{count, state};
use crate::domain::releasing::HeldNode;

#[derive(Debug, FromRow)]
struct Row {
    id: i64,
    pool: i64,
    generation: i64,
    session: String,
    tenant: String,
    state: String,
    draining: bool,
    reason: Option<String>,
    unwiped: bool,
    quarantines: i64,
}

pub(super) static HELD: SetStatement = SetStatement::new(
    "SELECT node.id, node.pool, node.generation, node.session, node.tenant, node.state, node.draining, node.reason, node.unwiped, node.quarantines \
     FROM {rows} JOIN node ON node.session = r.session",
    &[("session", ColumnType::Text)],
);

/// The nodes of these sessions, each named once, by rising number.
pub(crate) async fn held_nodes(
    transaction: &mut Transaction,
    sessions: impl IntoIterator<Item = &str>,
) -> Result<Vec<HeldNode>, StorageError> {
    let rows: Vec<Vec<Bind>> = sessions
        .into_iter()
        .map(|session| vec![session.into()])
        .collect();
    let rows: Vec<Row> = transaction.fetch_set(&HELD, &rows).await?;
    let mut nodes = rows
        .into_iter()
        .map(|row| {
            Ok(HeldNode {
                id: row.id,
                pool: row.pool,
                generation: row.generation,
                session: row.session,
                tenant: row.tenant,
                state: state(&row.state)?,
                draining: row.draining,
                reason: row.reason,
                unwiped: row.unwiped,
                quarantines: count("number of quarantines", row.quarantines)?,
            })
        })
        .collect::<Result<Vec<_>, StorageError>>()?;
    nodes.sort_unstable_by_key(|node| node.id);
    Ok(nodes)
}
