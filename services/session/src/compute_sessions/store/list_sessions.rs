//! Lists of sessions.
//!
//! What is over can be much, and what is not is never as much: each has indexes of its own. So a list has two halves, each read in
//! order and no further than needed, of which the page is cut.

use muster_contract::session::{
    ComputeSessionFilter, ComputeSessionOrder, ComputeSessionOrderKey, ComputeSessionStatus,
    ListComputeSessions,
};
use muster_storage::{Bind, ComposedSql, Database, StorageError};
use uuid::Uuid;

use super::{load::read_sessions, session_row::id};
use crate::compute_sessions::domain::session::Session;

/// Sessions, and how many there are on all pages.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) sessions: Vec<Session>,
    pub(crate) total: u64,
}

/// The sessions that are asked for, all as they are at one moment.
pub(crate) async fn list_sessions(
    database: &Database,
    question: &ListComputeSessions,
) -> Result<Page, StorageError> {
    let halves = halves(&question.filter);
    if halves.is_empty() {
        return Ok(Page::default());
    }
    let mut snapshot = database.snapshot().await?;
    let (sql, binds) = count_statement(&question.filter, &halves);
    let total: Vec<(i64,)> = snapshot.fetch_composed(sql, &binds).await?;
    let total = total.first().map_or(0, |(total,)| *total);
    let mut ids: Vec<Uuid> = Vec::new();
    if question.limit > 0 && total > 0 {
        let (sql, binds) = page_statement(question, &halves);
        let rows: Vec<(String,)> = snapshot.fetch_composed(sql, &binds).await?;
        for (session,) in rows {
            ids.push(id(&session)?);
        }
    }
    let mut by_id = read_sessions(&mut snapshot, &ids, question.with_containers).await?;
    Ok(Page {
        sessions: ids.iter().filter_map(|id| by_id.remove(id)).collect(),
        total: u64::try_from(total).unwrap_or_default(),
    })
}

/// Sessions that are over, or those that are not, in one of some statuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Half {
    is_over: bool,
    /// `None` = in any of this half.
    statuses: Option<Vec<ComputeSessionStatus>>,
}

/// What has to be looked through; nothing where nothing can be meant: not every text can be in a table.
pub(super) fn halves(filter: &ComputeSessionFilter) -> Vec<Half> {
    let texts = [&filter.owner, &filter.tenant, &filter.domain];
    if texts.into_iter().flatten().any(|text| text.contains('\0')) {
        return Vec::new();
    }
    let half = |is_over: bool| {
        let all = ComputeSessionStatus::ALL.into_iter();
        let all: Vec<ComputeSessionStatus> =
            all.filter(|status| status.is_over() == is_over).collect();
        let Some(wanted) = &filter.statuses else {
            let statuses = None;
            return Some(Half { is_over, statuses });
        };
        // In one order and each once: the same statement for the same question.
        let count = all.len();
        let statuses: Vec<ComputeSessionStatus> = all
            .into_iter()
            .filter(|status| wanted.contains(status))
            .collect();
        if statuses.is_empty() {
            return None;
        }
        let statuses = Some(statuses).filter(|statuses| statuses.len() < count);
        Some(Half { is_over, statuses })
    };
    [half(false), half(true)].into_iter().flatten().collect()
}

/// How many there are.
pub(super) fn count_statement(
    filter: &ComputeSessionFilter,
    halves: &[Half],
) -> (ComposedSql, Vec<Bind>) {
    let mut binds = Vec::new();
    let mut sql = ComposedSql::new().push("SELECT CAST(SUM(half.number) AS BIGINT) FROM (");
    for (place, half) in halves.iter().enumerate() {
        if place > 0 {
            sql = sql.push(" UNION ALL ");
        }
        sql = sql.push("SELECT COUNT(*) AS number FROM compute_session");
        sql = conditions(sql, &mut binds, filter, half);
    }
    (sql.push(") AS half"), binds)
}

/// The ids of a page.
pub(super) fn page_statement(
    question: &ListComputeSessions,
    halves: &[Half],
) -> (ComposedSql, Vec<Bind>) {
    let limit = question.limit.min(ListComputeSessions::PAGE_LIMIT);
    let order = question.order.unwrap_or(ComputeSessionOrder {
        key: ComputeSessionOrderKey::StatusChangedAt,
        ascending: false,
    });
    let key = match order.key {
        ComputeSessionOrderKey::CreatedAt => "created_at",
        ComputeSessionOrderKey::StatusChangedAt => "status_changed_at",
        ComputeSessionOrderKey::Name => "name",
    };
    let ordered = |sql: ComposedSql| {
        let sql = sql.push(" ORDER BY ").push(key);
        if order.ascending {
            sql.push(", id LIMIT ")
        } else {
            sql.push(" DESC, id DESC LIMIT ")
        }
    };
    let mut binds = Vec::new();
    let mut sql = ComposedSql::new().push("SELECT id FROM (");
    for (place, half) in halves.iter().enumerate() {
        sql = sql.push(if place == 0 {
            "SELECT * FROM (SELECT id, "
        } else {
            " UNION ALL SELECT * FROM (SELECT id, "
        });
        sql = sql.push(key).push(" FROM compute_session");
        sql = conditions(sql, &mut binds, &question.filter, half);
        let needed = i64::from(question.offset).saturating_add(limit.into());
        binds.push(needed.into());
        sql = ordered(sql).push_place(binds.len());
        sql = sql.push(if half.is_over {
            ") AS over"
        } else {
            ") AS live"
        });
    }
    sql = sql.push(") AS page");
    binds.push(limit.into());
    sql = ordered(sql).push_place(binds.len());
    binds.push(question.offset.into());
    (sql.push(" OFFSET ").push_place(binds.len()), binds)
}

fn conditions(
    mut sql: ComposedSql,
    binds: &mut Vec<Bind>,
    filter: &ComputeSessionFilter,
    half: &Half,
) -> ComposedSql {
    sql = sql.push(if half.is_over {
        " WHERE terminated_at IS NOT NULL"
    } else {
        // The name says nothing, but that the index of those that are not over is one to look up in.
        " WHERE terminated_at IS NULL AND owner > ''"
    });
    let mut equal = |sql: ComposedSql, condition: &'static str, value: Bind| {
        binds.push(value);
        sql.push(condition).push_place(binds.len())
    };
    if let Some(id) = filter.id {
        sql = equal(sql, " AND id = ", id.to_string().into());
    }
    if let Some(owner) = &filter.owner {
        sql = equal(sql, " AND owner = ", owner.into());
    }
    if let Some(tenant) = &filter.tenant {
        sql = equal(sql, " AND tenant = ", tenant.into());
    }
    if let Some(domain) = &filter.domain {
        sql = equal(sql, " AND domain = ", domain.into());
    }
    let statuses = half.statuses.iter().flatten();
    for (place, status) in statuses.enumerate() {
        let before = if place == 0 { " AND status IN (" } else { ", " };
        sql = equal(sql, before, status.name().into());
    }
    if half.statuses.is_some() {
        sql = sql.push(")");
    }
    sql
}
