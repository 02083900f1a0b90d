//! Lists of sessions, in the order of their numbers.

use muster_contract::session::{ListJobSessions, limits::PAGE_LIMIT};
use muster_storage::{Bind, ComposedSql, Database, Snapshot, StorageError};

use super::sessions::{SessionRow, session_columns, whole_sessions};
use crate::job_sessions::domain::{filter, session::Session};

/// Sessions that are read at a time to look for those that a filter means.
const SCAN: u32 = 100;

/// The field that a session is found by without looking at others.
const SESSION_ID: &str = "session_id";

/// The sessions that are asked for, with their jobs, all as they are at one moment.
pub(crate) async fn list_sessions(
    database: &Database,
    question: &ListJobSessions,
) -> Result<Vec<Session>, StorageError> {
    let ids: Vec<&str> = session_ids(question).collect();
    let texts = ids.iter().copied().chain(question.tenant.as_deref());
    // Not every text can be in a table.
    if texts.into_iter().any(|text| text.contains('\0')) {
        return Ok(Vec::new());
    }
    let limit = question.limit.min(PAGE_LIMIT);
    let mut snapshot = database.snapshot().await?;
    if question.filter.is_empty() {
        return page(&mut snapshot, question, 0, question.offset, limit).await;
    }
    let mut found = Vec::new();
    let (mut after, mut offset) = (0, question.offset);
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    while found.len() < wanted {
        let sessions = page(&mut snapshot, question, after, 0, SCAN).await?;
        let Some(last) = sessions.last() else { break };
        after = last.number;
        for session in sessions {
            if !filter::means(&question.filter, &session.shown().document().to_map()) {
                continue;
            }
            if offset > 0 {
                offset -= 1;
            } else if found.len() < wanted {
                found.push(session);
            }
        }
    }
    Ok(found)
}

async fn page(
    snapshot: &mut Snapshot,
    question: &ListJobSessions,
    after: i64,
    offset: u64,
    limit: u32,
) -> Result<Vec<Session>, StorageError> {
    let (sql, binds) = statement(question, after, offset, limit);
    let rows: Vec<SessionRow> = snapshot.fetch_composed(sql, &binds).await?;
    whole_sessions(snapshot, rows).await
}

pub(super) fn statement(
    question: &ListJobSessions,
    after: i64,
    offset: u64,
    limit: u32,
) -> (ComposedSql, Vec<Bind>) {
    let mut binds: Vec<Bind> = vec![after.into()];
    let mut sql = ComposedSql::new()
        .push(concat!("SELECT ", session_columns!()))
        .push(" FROM job_session WHERE job_session.number > $1");
    let mut equal = |sql: ComposedSql, condition: &'static str, value: Bind| {
        binds.push(value);
        sql.push(condition).push_place(binds.len())
    };
    if let Some(tenant) = &question.tenant {
        sql = equal(sql, " AND job_session.tenant = ", tenant.into());
    }
    for session_id in session_ids(question) {
        sql = equal(sql, " AND job_session.session_id = ", session_id.into());
    }
    sql = equal(sql, " ORDER BY job_session.number LIMIT ", limit.into());
    let offset = i64::try_from(offset).unwrap_or(i64::MAX);
    sql = equal(sql, " OFFSET ", offset.into());
    (sql, binds)
}

fn session_ids(question: &ListJobSessions) -> impl Iterator<Item = &str> {
    let fields = question.filter.matching.iter();
    let fields = fields.filter(|field| field.field == SESSION_ID);
    // A session's document has that field, so that no other one of that name is looked at.
    let matching = fields.filter_map(|field| field.value.as_str());
    question.session_id.as_deref().into_iter().chain(matching)
}
