//! New sessions, and what stands in the way of one.

use muster_contract::session::{JobReference, NodeSessionState};
use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};
use sqlx::FromRow;

use crate::node_sessions::domain::hook::Hook;

/// A session to record.
#[derive(Debug, Clone)]
pub(crate) struct NewSession<'a> {
    pub(crate) id: String,
    pub(crate) tenant: &'a str,
    pub(crate) alias: Option<&'a str>,
    pub(crate) state: NodeSessionState,
    pub(crate) job: Option<JobReference>,
    /// Whether nodes were asked for.
    pub(crate) with_nodes: bool,
    pub(crate) created_at: i64,
    /// What is done to set it up and to tear it down.
    pub(crate) hooks: Vec<Hook>,
}

/// The number that a new session got.
#[derive(Debug, FromRow)]
pub(crate) struct Numbered {
    pub(crate) id: String,
    pub(crate) number: i64,
}

pub(super) static OPEN: SetStatement = SetStatement::new(
    "INSERT INTO node_session (id, tenant, alias, state, job_cluster, job_id, with_nodes, hooked, created_at) \
     SELECT r.id, r.tenant, r.alias, r.state, r.job_cluster, r.job_id, r.with_nodes, r.hooked, r.created_at \
     FROM {rows} WHERE true RETURNING id, number",
    &[
        ("id", ColumnType::Text),
        ("tenant", ColumnType::Text),
        ("alias", ColumnType::Text),
        ("state", ColumnType::Text),
        ("job_cluster", ColumnType::Text),
        ("job_id", ColumnType::Integer),
        ("with_nodes", ColumnType::Boolean),
        ("hooked", ColumnType::Boolean),
        ("created_at", ColumnType::Integer),
    ],
);

/// Records the sessions. The caller holds the locks of their tenants, so that no alias is there twice.
pub(crate) async fn open_sessions(
    transaction: &mut Transaction,
    sessions: &[NewSession<'_>],
) -> Result<Vec<Numbered>, StorageError> {
    let text = |value: Option<&str>| Bind::Text(value.map(str::to_owned));
    let rows: Vec<Vec<Bind>> = sessions
        .iter()
        .map(|session| {
            let job = session.job.as_ref();
            vec![
                (&session.id).into(),
                session.tenant.into(),
                text(session.alias),
                session.state.name().into(),
                text(job.map(|job| job.cluster.as_str())),
                Bind::Integer(job.map(|job| job.job_id)),
                session.with_nodes.into(),
                (!session.hooks.is_empty()).into(),
                session.created_at.into(),
            ]
        })
        .collect();
    transaction.fetch_set(&OPEN, &rows).await
}

#[derive(Debug, FromRow)]
struct CountRow {
    tenant: String,
    since: i64,
    sessions: i64,
}

pub(super) static COUNT: SetStatement = SetStatement::new(
    "SELECT r.tenant, r.since, (SELECT COUNT(*) FROM node_session WHERE node_session.tenant = r.tenant \
         AND node_session.created_at >= r.since AND node_session.ended_at IS NULL \
         AND node_session.state <> 'closing' AND node_session.with_nodes) AS sessions \
     FROM {rows}",
    &[("tenant", ColumnType::Text), ("since", ColumnType::Integer)],
);

/// For each tenant and time: how many sessions with nodes it has opened since then that still live. Each pair once.
pub(crate) async fn count_live(
    transaction: &mut Transaction,
    wanted: impl IntoIterator<Item = (&str, i64)>,
) -> Result<Vec<(String, i64, i64)>, StorageError> {
    let rows: Vec<Vec<Bind>> = wanted
        .into_iter()
        .map(|(tenant, since)| vec![tenant.into(), since.into()])
        .collect();
    let rows: Vec<CountRow> = transaction.fetch_set(&COUNT, &rows).await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.tenant, row.since, row.sessions))
        .collect())
}
