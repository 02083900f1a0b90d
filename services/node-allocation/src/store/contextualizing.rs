//! Requests that got nodes which are being prepared.

use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};
use uuid::Uuid;

use super::waiting::{Row, WaitingRequest, waiting_request};

pub(super) static OF_SESSIONS: SetStatement = SetStatement::new(
    "SELECT c.request, c.session, c.tenant, c.demands, c.enqueued_at, c.wait_until, c.places \
     FROM {rows} JOIN contextualizing_request AS c ON c.session = r.session",
    &[("session", ColumnType::Text)],
);

static SAVE: SetStatement = SetStatement::new(
    "INSERT INTO contextualizing_request (request, session, tenant, demands, enqueued_at, wait_until, places, short) \
     SELECT r.request, r.session, r.tenant, r.demands, r.enqueued_at, r.wait_until, r.places, r.short FROM {rows} WHERE true \
     ON CONFLICT (request) DO UPDATE SET places = excluded.places, short = excluded.short",
    &[
        ("request", ColumnType::Text),
        ("session", ColumnType::Text),
        ("tenant", ColumnType::Text),
        ("demands", ColumnType::Text),
        ("enqueued_at", ColumnType::Integer),
        ("wait_until", ColumnType::Integer),
        ("places", ColumnType::Text),
        ("short", ColumnType::Boolean),
    ],
);

pub(super) static REMOVE: SetStatement = SetStatement::new(
    "DELETE FROM contextualizing_request WHERE request IN (SELECT r.request FROM {rows})",
    &[("request", ColumnType::Text)],
);

/// Those of these sessions, each named once.
pub(crate) async fn of_sessions(
    transaction: &mut Transaction,
    sessions: impl IntoIterator<Item = &str>,
) -> Result<Vec<WaitingRequest>, StorageError> {
    let rows: Vec<Vec<Bind>> = sessions
        .into_iter()
        .map(|session| vec![session.into()])
        .collect();
    let rows: Vec<Row> = transaction.fetch_set(&OF_SESSIONS, &rows).await?;
    rows.into_iter().map(waiting_request).collect()
}

/// Keeps what has become of these requests.
pub(crate) async fn save(
    transaction: &mut Transaction,
    requests: &[WaitingRequest],
) -> Result<(), StorageError> {
    let json = |error: serde_json::Error| StorageError::Other(error.into());
    let rows = requests
        .iter()
        .map(|request| {
            let places = request.places.clone().unwrap_or_default();
            Ok(vec![
                request.request.to_string().into(),
                (&request.session).into(),
                (&request.tenant).into(),
                serde_json::to_string(&request.demands)
                    .map_err(json)?
                    .into(),
                request.enqueued_at.into(),
                request.wait_until.into(),
                serde_json::to_string(&places).map_err(json)?.into(),
                places.is_short().into(),
            ])
        })
        .collect::<Result<Vec<Vec<Bind>>, StorageError>>()?;
    transaction.write_set(&SAVE, &rows).await
}

/// Forgets requests that are answered.
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
