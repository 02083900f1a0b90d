//! The queue.

use muster_contract::node_allocation::{AllocationRefusal, NodeDemand};
use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};
use sqlx::FromRow;
use uuid::Uuid;

use super::{reader::Reader, unreadable};
use crate::domain::{demand::resolve, places::Places, pools::Pools, queue::Waiting};

/// A request that waits, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WaitingRequest {
    pub(crate) request: Uuid,
    pub(crate) session: String,
    pub(crate) tenant: String,
    pub(crate) demands: Vec<NodeDemand>,
    pub(crate) enqueued_at: i64,
    /// 0 = it does not wait.
    pub(crate) wait_until: i64,
    /// The nodes that it got and that are being prepared; `None` = it has none yet.
    pub(crate) places: Option<Places>,
}

impl WaitingRequest {
    /// What it waits for: demands, each with its place among those of the request. Empty: all that it needs is being prepared.
    pub(crate) fn missing(&self) -> Vec<NodeDemand> {
        match &self.places {
            None => self.demands.clone(),
            Some(places) => {
                let missing = places.missing(&self.demands).into_iter();
                missing.map(|(_, demand)| demand).collect()
            }
        }
    }

    /// Whether it waits for nodes.
    pub(crate) fn is_short(&self) -> bool {
        self.places.as_ref().is_none_or(Places::is_short)
    }

    /// As the queue sees it; `None` if all that it needs is being prepared, an error if a pool has gone since it came.
    pub(crate) fn in_queue(&self, pools: &Pools) -> Option<Result<Waiting, AllocationRefusal>> {
        if !self.is_short() {
            return None;
        }
        let demands = match &self.places {
            None => resolve(pools, &self.demands),
            Some(_) => resolve(pools, &self.missing()),
        };
        Some(demands.map(|demands| Waiting {
            request: self.request,
            session: self.session.clone(),
            tenant: self.tenant.clone(),
            demands,
            enqueued_at: self.enqueued_at,
        }))
    }
}

#[derive(Debug, FromRow)]
pub(super) struct Row {
    request: String,
    session: String,
    tenant: String,
    demands: String,
    enqueued_at: i64,
    wait_until: i64,
    places: Option<String>,
}

const ALL: &str = "SELECT request, session, tenant, demands, enqueued_at, wait_until, NULL AS places FROM waiting_request \
     UNION ALL SELECT request, session, tenant, demands, enqueued_at, wait_until, places FROM contextualizing_request \
     ORDER BY request";

pub(super) const EARLIEST_END: &str = "SELECT COALESCE((SELECT MIN(wait_until) FROM waiting_request), \
     (SELECT MIN(wait_until) FROM contextualizing_request WHERE short))";

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

/// All that wait, no more than the queue may have, and those whose nodes are being prepared.
pub(crate) async fn waiting(reader: &mut impl Reader) -> Result<Vec<WaitingRequest>, StorageError> {
    let rows: Vec<Row> = reader.all(ALL, &[]).await?;
    rows.into_iter().map(waiting_request).collect()
}

pub(super) fn waiting_request(row: Row) -> Result<WaitingRequest, StorageError> {
    let json = |what, text: &str| {
        serde_json::from_str(text).map_err(|error: serde_json::Error| unreadable(what, error))
    };
    let places = row.places.as_deref().map(|text| {
        serde_json::from_str(text).map_err(|error: serde_json::Error| unreadable("places", error))
    });
    Ok(WaitingRequest {
        request: row
            .request
            .parse()
            .map_err(|error| unreadable("request", error))?,
        session: row.session,
        tenant: row.tenant,
        demands: json("demands", &row.demands)?,
        enqueued_at: row.enqueued_at,
        wait_until: row.wait_until,
        places: places.transpose()?,
    })
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
    transaction.write_set(&ADD, &rows).await
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
    transaction.write_set(&REMOVE, &rows).await
}
