//! Lists of sessions, by number.

use muster_contract::session::{ListNodeSessions, NodeSessionState};
use muster_storage::{Bind, ComposedSql, Database, StorageError};

use super::{
    load::whole_sessions,
    session_row::{SessionRow, session_columns},
};
use crate::node_sessions::domain::{alias, reference::Sought, session::Session};

/// Sessions in one answer, at most.
const PAGE_LIMIT: u32 = 500;

/// The sessions that are asked for, with their nodes and hooks, all as they are at one moment.
pub(crate) async fn list_sessions(
    database: &Database,
    question: &ListNodeSessions,
) -> Result<Vec<Session>, StorageError> {
    let Some((sql, binds)) = statement(question) else {
        return Ok(Vec::new());
    };
    let mut snapshot = database.snapshot().await?;
    let rows: Vec<SessionRow> = snapshot.fetch_composed(sql, &binds).await?;
    let by_id = whole_sessions(&mut snapshot, rows).await?;
    let mut sessions: Vec<Session> = by_id.into_values().collect();
    sessions.sort_unstable_by_key(|session| session.number);
    Ok(sessions)
}

/// `None` where no row can be meant: not every text can be in a table.
pub(super) fn statement(question: &ListNodeSessions) -> Option<(ComposedSql, Vec<Bind>)> {
    let mut binds: Vec<Bind> = vec![question.after.into()];
    let mut sql = ComposedSql::new()
        .push(concat!("SELECT ", session_columns!()))
        .push(" FROM node_session WHERE node_session.number > $1");
    let mut equal = |sql: ComposedSql, condition: &'static str, value: Bind| {
        binds.push(value);
        sql.push(condition).push_place(binds.len())
    };
    if let Some(tenant) = &question.tenant {
        if tenant.contains('\0') {
            return None;
        }
        sql = equal(sql, " AND node_session.tenant = ", tenant.into());
    }
    match question.session.as_ref().map(Sought::new) {
        None => {}
        Some(Sought::Id(id)) => sql = equal(sql, " AND node_session.id = ", id.into()),
        Some(Sought::Number(number)) => {
            sql = equal(sql, " AND node_session.number = ", number.into());
        }
        Some(Sought::Alias(alias)) if alias::is_valid(alias) => {
            sql = equal(sql, " AND node_session.alias = ", alias.into());
            sql = sql.push(" AND node_session.ended_at IS NULL");
        }
        Some(Sought::Alias(_)) => return None,
    }
    // In one order and each once: the same statement for the same question.
    let mut states = question.states.clone();
    states.sort_unstable();
    states.dedup();
    if !states.is_empty() && !states.iter().any(|state| is_end(*state)) {
        // Says what the states imply, so that what has ended is not read.
        sql = sql.push(" AND node_session.ended_at IS NULL");
    }
    for (number, state) in states.iter().enumerate() {
        let before = if number == 0 {
            " AND node_session.state IN ("
        } else {
            ", "
        };
        sql = equal(sql, before, state.name().into());
    }
    if !states.is_empty() {
        sql = sql.push(")");
    }
    let limit = question.limit.min(PAGE_LIMIT);
    sql = equal(sql, " ORDER BY node_session.number LIMIT ", limit.into());
    Some((sql, binds))
}

fn is_end(state: NodeSessionState) -> bool {
    matches!(state, NodeSessionState::Closed | NodeSessionState::Refused)
}
