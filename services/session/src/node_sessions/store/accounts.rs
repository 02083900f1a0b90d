//! What sessions have used, added up by the database.
//!
//! A session holds a node from when its limits of life count (its opening, or when it got the node after waiting) until it
//! gives it back or ends. All of that stands in the tables of sessions: the history of leases, which node allocation
//! prunes, is not needed.

use muster_contract::session::{Account, AccountNodeSessions, AccountedBy};
use muster_storage::{Bind, ComposedSql, Database, StorageError};
use sqlx::FromRow;

/// Accounts in one answer, at most.
const PAGE_LIMIT: u32 = 1_000;

/// No alias is empty, so that this can stand for none; and no number is so small.
const NO_ALIAS: &str = "";
const NO_NUMBER: i64 = 0;

#[derive(Debug, FromRow)]
struct AccountRow {
    tenant: String,
    alias: String,
    number: i64,
    session: Option<String>,
    sessions: i64,
    nodes: i64,
    microseconds: i64,
}

/// Sessions that were opened before the end of the period and meet the condition.
macro_rules! ended_or_live {
    ($condition:literal) => {
        concat!(
            "SELECT node_session.tenant, COALESCE(node_session.alias, '') AS alias, node_session.number, \
                 node_session.id, node_session.ended_at \
             FROM node_session WHERE node_session.created_at < $2 AND node_session.",
            $condition
        )
    };
}

/// The accounts that are asked for.
pub(crate) async fn accounts(
    database: &Database,
    question: &AccountNodeSessions,
    now: i64,
) -> Result<Vec<Account>, StorageError> {
    let Some((sql, binds)) = statement(question, now) else {
        return Ok(Vec::new());
    };
    let mut snapshot = database.snapshot().await?;
    let rows: Vec<AccountRow> = snapshot.fetch_composed(sql, &binds).await?;
    Ok(rows.into_iter().map(AccountRow::into_account).collect())
}

/// `None` where nothing can be meant: not every text can be in a table.
pub(super) fn statement(
    question: &AccountNodeSessions,
    now: i64,
) -> Option<(ComposedSql, Vec<Bind>)> {
    let (from, to) = (question.from, question.to.min(now));
    let after = question.after.as_ref();
    let texts = [
        question.tenant.as_deref(),
        after.map(|place| place.tenant.as_str()),
        after.and_then(|place| place.alias.as_deref()),
    ];
    if from >= to || texts.into_iter().flatten().any(|text| text.contains('\0')) {
        return None;
    }
    // What one account is for; what it is not for is the same for all.
    let key = match question.by {
        AccountedBy::Tenant => {
            "used.tenant AS tenant, '' AS alias, CAST(0 AS BIGINT) AS number, NULL AS session"
        }
        AccountedBy::Alias => {
            "used.tenant AS tenant, used.alias AS alias, CAST(0 AS BIGINT) AS number, NULL AS session"
        }
        AccountedBy::Session => {
            "used.tenant AS tenant, used.alias AS alias, used.number AS number, used.id AS session"
        }
    };
    let group = match question.by {
        AccountedBy::Tenant => " GROUP BY used.tenant",
        AccountedBy::Alias => " GROUP BY used.tenant, used.alias",
        AccountedBy::Session => " GROUP BY used.tenant, used.alias, used.number, used.id",
    };
    let mut binds: Vec<Bind> = vec![from.into(), to.into()];
    let mut sql = ComposedSql::new()
        .push("SELECT ")
        .push(key)
        .push(
            ", COUNT(DISTINCT used.id) AS sessions, COUNT(*) AS nodes, CAST(SUM( \
                 CASE WHEN COALESCE(session_node.released_at, used.ended_at) < $2 \
                     THEN COALESCE(session_node.released_at, used.ended_at) ELSE $2 END \
                 - CASE WHEN session_node.counted_from > $1 THEN session_node.counted_from ELSE $1 END \
             ) AS BIGINT) AS microseconds \
             FROM (",
        )
        .push(ended_or_live!("ended_at > $1"))
        .push(" UNION ALL ")
        // The number says nothing, but that the index of those that have not ended is one to look up in.
        .push(ended_or_live!("ended_at IS NULL AND node_session.number > 0"))
        .push(
            ") AS used JOIN session_node ON session_node.session = used.id \
             WHERE session_node.counted_from < $2 \
                 AND (session_node.released_at IS NULL OR session_node.released_at > $1)",
        );
    if let Some(tenant) = &question.tenant {
        binds.push(tenant.into());
        sql = sql.push(" AND used.tenant = ").push_place(binds.len());
    }
    if let Some(place) = after {
        let columns = match question.by {
            AccountedBy::Tenant => " AND used.tenant > ",
            AccountedBy::Alias => " AND (used.tenant, used.alias) > (",
            AccountedBy::Session => " AND (used.tenant, used.alias, used.number) > (",
        };
        binds.push((&place.tenant).into());
        sql = sql.push(columns).push_place(binds.len());
        if question.by != AccountedBy::Tenant {
            binds.push(place.alias.as_deref().unwrap_or(NO_ALIAS).into());
            sql = sql.push(", ").push_place(binds.len());
        }
        if question.by == AccountedBy::Session {
            binds.push(place.number.unwrap_or(NO_NUMBER).into());
            sql = sql.push(", ").push_place(binds.len());
        }
        if question.by != AccountedBy::Tenant {
            sql = sql.push(")");
        }
    }
    binds.push(question.limit.min(PAGE_LIMIT).into());
    sql = sql
        .push(group)
        .push(" ORDER BY tenant, alias, number LIMIT ")
        .push_place(binds.len());
    Some((sql, binds))
}

impl AccountRow {
    fn into_account(self) -> Account {
        Account {
            tenant: self.tenant,
            alias: Some(self.alias).filter(|alias| alias != NO_ALIAS),
            number: Some(self.number).filter(|number| *number != NO_NUMBER),
            session: self.session,
            sessions: self.sessions,
            nodes: self.nodes,
            node_seconds: self.microseconds / 1_000_000,
        }
    }
}
