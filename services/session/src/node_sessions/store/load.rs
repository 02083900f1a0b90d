//! Reading sessions with their nodes and hooks.

use std::collections::HashMap;

use muster_storage::{
    Bind, ColumnType, SetStatement, Snapshot, StorageError, ThreeSets, Transaction,
};

use super::{
    pending_requests::{self, PendingRow},
    session_hooks::{self, HookRow},
    session_row::{NodeRow, SessionRow, session_columns},
};
use crate::node_sessions::{asking::PendingRequest, domain::session::Session};

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

/// The sessions with these ids, as they are, by id, and what they wait for. Each id once.
pub(crate) async fn load_sessions(
    transaction: &mut Transaction,
    ids: &[&str],
) -> Result<(HashMap<String, Session>, Vec<PendingRequest>), StorageError> {
    let statements = [&SESSIONS, &NODES, &pending_requests::OF_SESSIONS];
    let (sessions, nodes, pending): ThreeSets<SessionRow, NodeRow, PendingRow> =
        transaction.fetch_sets(statements, &rows(ids)).await?;
    // Mostly there are none, and this is no statement.
    let hooks = transaction
        .fetch_set(&session_hooks::OF_SESSIONS, &hooked(&sessions))
        .await?;
    let pending: Result<_, StorageError> =
        pending.into_iter().map(PendingRow::into_request).collect();
    Ok((whole(sessions, nodes, hooks)?, pending?))
}

/// Gives the sessions their nodes and hooks.
pub(super) async fn whole_sessions(
    snapshot: &mut Snapshot,
    sessions: Vec<SessionRow>,
) -> Result<HashMap<String, Session>, StorageError> {
    let ids: Vec<&str> = sessions.iter().map(SessionRow::id).collect();
    let nodes = snapshot.fetch_set(&NODES, &rows(&ids)).await?;
    let hooks = snapshot
        .fetch_set(&session_hooks::OF_SESSIONS, &hooked(&sessions))
        .await?;
    whole(sessions, nodes, hooks)
}

fn hooked(sessions: &[SessionRow]) -> Vec<Vec<Bind>> {
    let hooked = sessions.iter().filter(|session| session.hooked);
    hooked.map(|session| vec![session.id().into()]).collect()
}

fn whole(
    sessions: Vec<SessionRow>,
    mut nodes: Vec<NodeRow>,
    hooks: Vec<HookRow>,
) -> Result<HashMap<String, Session>, StorageError> {
    let mut by_id = HashMap::with_capacity(sessions.len());
    for row in sessions {
        let session = row.into_session()?;
        by_id.insert(session.id.clone(), session);
    }
    nodes.sort_by_key(NodeRow::order);
    for row in nodes {
        if let Some(session) = by_id.get_mut(&row.session) {
            session.nodes.push(row.into_node());
        }
    }
    for row in hooks {
        if let Some(session) = by_id.get_mut(&row.session) {
            session.hooks.push(row.into_hook()?);
        }
    }
    Ok(by_id)
}

fn rows(ids: &[&str]) -> Vec<Vec<Bind>> {
    ids.iter().map(|id| vec![(*id).into()]).collect()
}
