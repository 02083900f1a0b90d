//! The queue.

use muster_contract::node_allocation::NodeDemand;
use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};
use sqlx::FromRow;
use uuid::Uuid;

use super::{reader::Reader, unreadable};

/// A request that waits, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WaitingRequest {
    pub(crate) request: Uuid,
    pub(crate) session: String,
    pub(crate) tenant: String,
    pub(crate) demands: Vec<NodeDemand>,
    pub(crate) enqueued_at: i64,
    pub(crate) wait_until: i64,
}

#[derive(Debug, FromRow)]
struct Row {
    request: String,
    session: String,
    tenant: String,
    demands: String,
    enqueued_at: i64,
    wait_until: i64,
}

const ALL: &str = "SELECT request, session, tenant, demands, enqueued_at, wait_until FROM waiting_request ORDER BY request";

pub(super) const EARLIEST_END: &str = "SELECT MIN(wait_until) FROM waiting_request";

static ADD: SetStatement = SetStatement::new(
    "INSERT INTO waiting_request (request, session, tenant, demands, enqueued_at, wait_until) \
     SELECT r.request, r.session, r.tenant, r.demands, r.enqueued_at, r.wait_until FROM {rows} WHERE true",
    &[
        ("request", ColumnType::Text),
        ("session", ColumnType::Text),
        ("tenant", ColumnType::Text),
        ("demands", ColumnType::Text),
        ("enqueued_at", ColumnType::Integer),
        ("wait_until", ColumnType::Integer),
    ],
);

pub(super) static REMOVE: SetStatement = SetStatement::new(
    "DELETE FROM waiting_request WHERE request IN (SELECT r.request FROM {rows})",
    &[("request", ColumnType::Text)],
);

/// All that wait: no more than the queue may have.
pub(crate) async fn waiting(reader: &mut impl Reader) -> Result<Vec<WaitingRequest>, StorageError> {
    let rows: Vec<Row> = reader.all(ALL, &[]).await?;
    rows.into_iter()
        .map(|row| {
            Ok(WaitingRequest {
                request: row
                    .request
                    .parse()
                    .map_err(|error| unreadable("request", error))?,
                session: row.session,
                tenant: row.tenant,
                demands: serde_json::from_str(&row.demands)
                    .map_err(|error| unreadable("demands", error))?,
                enqueued_at: row.enqueued_at,
                wait_until: row.wait_until,
            })
        })
        .collect()
}

/// Whether anybody waits.
pub(crate) async fn is_anybody_waiting(
    transaction: &mut Transaction,
) -> Result<bool, StorageError> {
    let earliest: Option<(Option<i64>,)> = transaction.fetch_optional(EARLIEST_END, &[]).await?;
    Ok(earliest.is_some_and(|(earliest,)| earliest.is_some()))
}

/// Puts requests into the queue.
pub(crate) async fn add(
    transaction: &mut Transaction,
    requests: &[WaitingRequest],
) -> Result<(), StorageError> {
    let rows = requests
        .iter()
        .map(|waiting| {
            let demands = serde_json::to_string(&waiting.demands)
                .map_err(|error| StorageError::Other(error.into()))?;
            Ok(vec![
                waiting.request.to_string().into(),
                (&waiting.session).into(),
                (&waiting.tenant).into(),
                demands.into(),
                waiting.enqueued_at.into(),
                waiting.wait_until.into(),
            ])
        })
        .collect::<Result<Vec<Vec<Bind>>, StorageError>>()?;
    transaction.execute_set(&ADD, &rows).await?;
    Ok(())
}

/// Takes requests out of the queue.
pub(crate) async fn remove(
    transaction: &mut Transaction,
    requests: impl IntoIterator<Item = Uuid>,
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = requests
        .into_iter()
        .map(|request| vec![request.to_string().into()])
        .collect();
    transaction.execute_set(&REMOVE, &rows).await?;
    Ok(())
}
