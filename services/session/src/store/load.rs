//! Reading sessions with their nodes.

use std::collections::HashMap;

use muster_storage::{Bind, ColumnType, SetStatement, Snapshot, StorageError, Transaction};

use super::session_row::{NodeRow, SessionRow, session_columns};
use crate::domain::session::Session;

pub(super) static SESSIONS: SetStatement = SetStatement::new(
    concat!(
        "SELECT ",
        session_columns!(),
        " FROM {rows} JOIN node_session ON node_session.id = r.id"
    ),
    &[("id", ColumnType::Text)],
);

pub(super) static NODES: SetStatement = SetStatement::new(
    "SELECT session_node.session, session_node.node, session_node.generation, session_node.hostname, \
         session_node.ip_address, session_node.pool, session_node.lifetime, session_node.maximum_lifetime, \
         session_node.counted_from, session_node.place \
     FROM {rows} JOIN session_node ON session_node.session = r.id WHERE session_node.released_at IS NULL",
    &[("id", ColumnType::Text)],
);

/// The sessions with these ids, as they are, by id. Each id once.
pub(crate) async fn load_sessions(
    transaction: &mut Transaction,
    ids: &[&str],
) -> Result<HashMap<String, Session>, StorageError> {
    let rows = rows(ids);
    let sessions: Vec<SessionRow> = transaction.fetch_set(&SESSIONS, &rows).await?;
    let nodes = transaction.fetch_set(&NODES, &rows).await?;
    let mut by_id = HashMap::with_capacity(sessions.len());
    for row in sessions {
        let session = row.into_session()?;
        by_id.insert(session.id.clone(), session);
    }
    add_nodes(&mut by_id, nodes);
    Ok(by_id)
}

/// Gives the sessions their nodes.
pub(super) async fn with_nodes(
    snapshot: &mut Snapshot,
    sessions: Vec<SessionRow>,
) -> Result<HashMap<String, Session>, StorageError> {
    let mut by_id = HashMap::with_capacity(sessions.len());
    for row in sessions {
        let session = row.into_session()?;
        by_id.insert(session.id.clone(), session);
    }
    let ids: Vec<&str> = by_id.keys().map(String::as_str).collect();
    let nodes = snapshot.fetch_set(&NODES, &rows(&ids)).await?;
    add_nodes(&mut by_id, nodes);
    Ok(by_id)
}

fn rows(ids: &[&str]) -> Vec<Vec<Bind>> {
    ids.iter().map(|id| vec![(*id).into()]).collect()
}

fn add_nodes(sessions: &mut HashMap<String, Session>, mut nodes: Vec<NodeRow>) {
    nodes.sort_by_key(NodeRow::order);
    for row in nodes {
        if let Some(session) = sessions.get_mut(&row.session) {
            session.nodes.push(row.into_node());
        }
    }
}
