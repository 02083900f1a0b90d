//! Writing what became of sessions.

use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};

use super::session_row::end_reason_name;
use crate::node_sessions::domain::session::{HeldNode, Session};

pub(super) static UPDATE: SetStatement = SetStatement::new(
    "UPDATE node_session SET state = r.state, expires_at = r.expires_at, ended_at = r.ended_at, \
         end_reason = r.end_reason \
     FROM {rows} WHERE node_session.id = r.id",
    &[
        ("id", ColumnType::Text),
        ("state", ColumnType::Text),
        ("expires_at", ColumnType::Integer),
        ("ended_at", ColumnType::Integer),
        ("end_reason", ColumnType::Text),
    ],
);

pub(super) static ADD_NODES: SetStatement = SetStatement::new(
    "INSERT INTO session_node (session, node, generation, hostname, ip_address, pool, lifetime, maximum_lifetime, \
         counted_from, place) \
     SELECT r.session, r.node, r.generation, r.hostname, r.ip_address, r.pool, r.lifetime, r.maximum_lifetime, \
         r.counted_from, r.place \
     FROM {rows} WHERE true ON CONFLICT (session, node, generation) DO NOTHING",
    &[
        ("session", ColumnType::Text),
        ("node", ColumnType::Integer),
        ("generation", ColumnType::Integer),
        ("hostname", ColumnType::Text),
        ("ip_address", ColumnType::Text),
        ("pool", ColumnType::Text),
        ("lifetime", ColumnType::Integer),
        ("maximum_lifetime", ColumnType::Integer),
        ("counted_from", ColumnType::Integer),
        ("place", ColumnType::Integer),
    ],
);

pub(super) static TAKE_OUT: SetStatement = SetStatement::new(
    "UPDATE session_node SET released_at = r.released_at FROM {rows} \
     WHERE session_node.session = r.session AND session_node.node = r.node \
         AND session_node.generation = r.generation AND session_node.released_at IS NULL",
    &[
        ("session", ColumnType::Text),
        ("node", ColumnType::Integer),
        ("generation", ColumnType::Integer),
        ("released_at", ColumnType::Integer),
    ],
);

/// A node that came to a session.
#[derive(Debug)]
pub(crate) struct Came {
    pub(crate) session: String,
    pub(crate) node: HeldNode,
    /// Place among those that came with it.
    pub(crate) place: i64,
}

/// A node that a session gave back.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) session: String,
    pub(crate) node: i64,
    pub(crate) generation: i64,
    pub(crate) at: i64,
}

/// Writes the states. Each session once.
pub(crate) async fn update_sessions<'a>(
    transaction: &mut Transaction,
    sessions: impl IntoIterator<Item = &'a Session>,
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = sessions
        .into_iter()
        .map(|session| {
            let reason = session.end_reason.map(end_reason_name);
            vec![
                (&session.id).into(),
                session.state.name().into(),
                session.expires_at.into(),
                session.ended_at.into(),
                reason.into(),
            ]
        })
        .collect();
    transaction.write_set(&UPDATE, &rows).await
}

/// Adds nodes.
pub(crate) async fn add_nodes(
    transaction: &mut Transaction,
    nodes: &[Came],
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = nodes
        .iter()
        .map(|came| {
            let lease = &came.node.lease;
            vec![
                (&came.session).into(),
                lease.id.into(),
                lease.generation.into(),
                (&lease.hostname).into(),
                (&lease.ip_address).into(),
                (&lease.pool).into(),
                lease.lifetime.into(),
                lease.maximum_lifetime.into(),
                came.node.counted_from.into(),
                came.place.into(),
            ]
        })
        .collect();
    transaction.write_set(&ADD_NODES, &rows).await
}

/// Takes nodes out.
pub(crate) async fn take_out_nodes(
    transaction: &mut Transaction,
    nodes: &[Left],
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = nodes
        .iter()
        .map(|left| {
            vec![
                (&left.session).into(),
                left.node.into(),
                left.generation.into(),
                left.at.into(),
            ]
        })
        .collect();
    transaction.write_set(&TAKE_OUT, &rows).await
}
