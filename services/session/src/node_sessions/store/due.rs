//! What is due by time or by a job's end.

use muster_contract::session::JobReference;
use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};
use sqlx::FromRow;

use super::pending_requests::PendingRow;
use crate::node_sessions::asking::PendingRequest;

pub(super) const EXPIRED: &str = "SELECT id FROM node_session \
     WHERE ended_at IS NULL AND expires_at IS NOT NULL AND expires_at <= $1 AND state IN ('active', 'held') \
     ORDER BY expires_at LIMIT $2";

/// Ids of sessions whose time is over, those that have waited longest first.
pub(crate) async fn expired(
    transaction: &mut Transaction,
    now: i64,
    limit: i64,
) -> Result<Vec<String>, StorageError> {
    let binds = [now.into(), limit.into()];
    let rows: Vec<(String,)> = transaction.fetch_all(EXPIRED, &binds).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

pub(super) const MISSED: &str = "SELECT request, session, command, message, due_at FROM pending_request \
     WHERE due_at <= $1 ORDER BY due_at LIMIT $2";

/// Requests whose answer is missed.
pub(crate) async fn missed(
    transaction: &mut Transaction,
    now: i64,
    limit: i64,
) -> Result<Vec<PendingRequest>, StorageError> {
    let rows: Vec<PendingRow> = transaction
        .fetch_all(MISSED, &[now.into(), limit.into()])
        .await?;
    rows.into_iter().map(PendingRow::into_request).collect()
}

pub(super) static POSTPONE: SetStatement = SetStatement::new(
    "UPDATE pending_request SET due_at = r.due_at FROM {rows} \
     WHERE pending_request.request = r.request AND pending_request.due_at = r.seen RETURNING pending_request.request",
    &[
        ("request", ColumnType::Text),
        ("seen", ColumnType::Integer),
        ("due_at", ColumnType::Integer),
    ],
);

/// Puts the requests off until later times; returns those that nobody else has put off or answered meanwhile.
pub(crate) async fn postpone(
    transaction: &mut Transaction,
    requests: &[(PendingRequest, i64)],
) -> Result<Vec<String>, StorageError> {
    let rows: Vec<Vec<Bind>> = requests
        .iter()
        .map(|(request, due_at)| {
            vec![
                request.request.to_string().into(),
                request.due_at.into(),
                (*due_at).into(),
            ]
        })
        .collect();
    let rows: Vec<(String,)> = transaction.fetch_set(&POSTPONE, &rows).await?;
    Ok(rows.into_iter().map(|(request,)| request).collect())
}

#[derive(Debug, FromRow)]
struct TiedRow {
    place: i64,
    id: String,
}

pub(super) static TIED: SetStatement = SetStatement::new(
    "SELECT r.place, node_session.id FROM {rows} JOIN node_session \
     ON node_session.job_cluster = r.cluster AND node_session.job_id = r.job_id \
     WHERE node_session.tenant = r.tenant AND node_session.ended_at IS NULL",
    &[
        ("place", ColumnType::Integer),
        ("tenant", ColumnType::Text),
        ("cluster", ColumnType::Text),
        ("job_id", ColumnType::Integer),
    ],
);

/// Ids of live sessions that are tied to these jobs of these tenants, each with the place of its job.
pub(crate) async fn tied_to(
    transaction: &mut Transaction,
    jobs: &[(&str, JobReference)],
) -> Result<Vec<(usize, String)>, StorageError> {
    let rows: Vec<Vec<Bind>> = (0_i64..)
        .zip(jobs)
        .map(|(place, (tenant, job))| {
            vec![
                place.into(),
                (*tenant).into(),
                (&job.cluster).into(),
                job.job_id.into(),
            ]
        })
        .collect();
    let rows: Vec<TiedRow> = transaction.fetch_set(&TIED, &rows).await?;
    let mut found: Vec<(usize, String)> = rows
        .into_iter()
        .filter_map(|row| Some((usize::try_from(row.place).ok()?, row.id)))
        .collect();
    found.sort_unstable();
    Ok(found)
}
