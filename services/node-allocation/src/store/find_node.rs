//! A node by its name, and nodes whose names a new one could be taken for.

use muster_storage::{StorageError, Transaction};
use sqlx::FromRow;

use super::state;
use muster_contract::node_allocation::NodeState;

/// What has to be known of a node to change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundNode {
    pub(crate) id: i64,
    pub(crate) pool: i64,
    pub(crate) state: NodeState,
    pub(crate) session: Option<String>,
    /// It was in a session and has not been wiped since.
    pub(crate) unwiped: bool,
}

#[derive(Debug, FromRow)]
struct Row {
    id: i64,
    pool: i64,
    state: String,
    session: Option<String>,
    unwiped: bool,
}

pub(super) const BY_NAME: &str =
    "SELECT id, pool, state, session, unwiped FROM node WHERE hostname = $1";

/// Names of hosts have no characters that mean something to `LIKE`. Reads all names: the one thing here whose cost grows
/// with the number of nodes, for the one who adds some by hand.
const AMBIGUOUS: &str = "SELECT MIN(hostname) FROM node \
     WHERE hostname LIKE '%' || $1 || '%' OR $1 LIKE '%' || hostname || '%'";

/// The node of that name.
pub(crate) async fn find_node(
    transaction: &mut Transaction,
    hostname: &str,
) -> Result<Option<FoundNode>, StorageError> {
    let row: Option<Row> = transaction
        .fetch_optional(BY_NAME, &[hostname.into()])
        .await?;
    row.map(|row| {
        Ok(FoundNode {
            id: row.id,
            pool: row.pool,
            state: state(&row.state)?,
            session: row.session,
            unwiped: row.unwiped,
        })
    })
    .transpose()
}

/// A node whose name is part of this one or the other way round.
pub(crate) async fn ambiguous(
    transaction: &mut Transaction,
    hostname: &str,
) -> Result<Option<String>, StorageError> {
    let row: Option<(Option<String>,)> = transaction
        .fetch_optional(AMBIGUOUS, &[hostname.into()])
        .await?;
    Ok(row.and_then(|(name,)| name))
}
