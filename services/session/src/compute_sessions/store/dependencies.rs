//! Sessions that wait for others.

use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};
use sqlx::FromRow;
use uuid::Uuid;

use super::session_row::id;

pub(super) static ADD: SetStatement = SetStatement::new(
    "INSERT INTO compute_dependency (session, depends_on, is_over) \
     SELECT r.session, r.depends_on, FALSE FROM {rows} WHERE true ON CONFLICT DO NOTHING",
    &[
        ("session", ColumnType::Text),
        ("depends_on", ColumnType::Text),
    ],
);

pub(super) static REMOVE: SetStatement = SetStatement::new(
    "DELETE FROM compute_dependency WHERE session IN (SELECT r.session FROM {rows})",
    &[("session", ColumnType::Text)],
);

pub(super) static MET: SetStatement = SetStatement::new(
    "DELETE FROM compute_dependency WHERE (session, depends_on) IN (SELECT r.session, r.depends_on FROM {rows})",
    &[
        ("session", ColumnType::Text),
        ("depends_on", ColumnType::Text),
    ],
);

pub(super) static END: SetStatement = SetStatement::new(
    "UPDATE compute_dependency SET is_over = TRUE FROM {rows} WHERE compute_dependency.depends_on = r.depends_on",
    &[("depends_on", ColumnType::Text)],
);

pub(super) static DEPENDENTS: SetStatement = SetStatement::new(
    "SELECT compute_dependency.session FROM {rows} \
     JOIN compute_dependency ON compute_dependency.depends_on = r.depends_on",
    &[("depends_on", ColumnType::Text)],
);

pub(super) static OF_SESSIONS: SetStatement = SetStatement::new(
    "SELECT compute_dependency.session, compute_dependency.depends_on, compute_dependency.is_over \
     FROM {rows} JOIN compute_dependency ON compute_dependency.session = r.session",
    &[("session", ColumnType::Text)],
);

pub(super) const DUE: &str = "SELECT session FROM compute_dependency WHERE is_over GROUP BY session ORDER BY session LIMIT $1";

/// A session that another waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) session: Uuid,
    pub(crate) depends_on: Uuid,
    /// Whether the other one is over.
    pub(crate) is_over: bool,
}

#[derive(Debug, FromRow)]
struct DependencyRow {
    session: String,
    depends_on: String,
    is_over: bool,
}

/// Has sessions wait, each for another.
pub(crate) async fn add(
    transaction: &mut Transaction,
    dependencies: &[(Uuid, Uuid)],
) -> Result<(), StorageError> {
    let rows = dependencies.iter();
    let rows = rows.map(|(session, depends_on)| pair(*session, *depends_on));
    transaction.write_set(&ADD, &rows.collect::<Vec<_>>()).await
}

/// These sessions do not wait any more.
pub(crate) async fn remove(
    transaction: &mut Transaction,
    sessions: &[Uuid],
) -> Result<(), StorageError> {
    transaction.write_set(&REMOVE, &one_column(sessions)).await
}

/// These have come to what was waited for.
pub(crate) async fn met(
    transaction: &mut Transaction,
    dependencies: &[&Dependency],
) -> Result<(), StorageError> {
    let rows = dependencies.iter();
    let rows = rows.map(|dependency| pair(dependency.session, dependency.depends_on));
    transaction.write_set(&MET, &rows.collect::<Vec<_>>()).await
}

/// These sessions are over: those that wait for them have to be looked at.
pub(crate) async fn end(
    transaction: &mut Transaction,
    sessions: &[Uuid],
) -> Result<(), StorageError> {
    transaction.write_set(&END, &one_column(sessions)).await
}

/// The sessions that wait for one of these.
pub(crate) async fn dependents(
    transaction: &mut Transaction,
    sessions: &[Uuid],
) -> Result<Vec<Uuid>, StorageError> {
    let rows: Vec<(String,)> = transaction
        .fetch_set(&DEPENDENTS, &one_column(sessions))
        .await?;
    rows.iter().map(|(session,)| id(session)).collect()
}

/// What these sessions wait for.
pub(crate) async fn of_sessions(
    transaction: &mut Transaction,
    sessions: &[Uuid],
) -> Result<Vec<Dependency>, StorageError> {
    let rows: Vec<DependencyRow> = transaction
        .fetch_set(&OF_SESSIONS, &one_column(sessions))
        .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Dependency {
                session: id(&row.session)?,
                depends_on: id(&row.depends_on)?,
                is_over: row.is_over,
            })
        })
        .collect()
}

/// Sessions that have to be looked at, because one that they wait for is over.
pub(crate) async fn due(
    transaction: &mut Transaction,
    limit: i64,
) -> Result<Vec<Uuid>, StorageError> {
    let rows: Vec<(String,)> = transaction.fetch_all(DUE, &[limit.into()]).await?;
    rows.iter().map(|(session,)| id(session)).collect()
}

fn pair(session: Uuid, depends_on: Uuid) -> Vec<Bind> {
    vec![session.to_string().into(), depends_on.to_string().into()]
}

fn one_column(sessions: &[Uuid]) -> Vec<Vec<Bind>> {
    let sessions = sessions.iter();
    sessions.map(|id| vec![id.to_string().into()]).collect()
}
