//! Who waits for sessions.

use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};
use sqlx::FromRow;
use uuid::Uuid;

use super::session_row::{id, unknown};
use crate::compute_sessions::waiting::{Awaited, Waiter};

#[derive(Debug, FromRow)]
pub(super) struct WaiterRow {
    command: String,
    session: String,
    awaited: String,
    created: bool,
    due_at: Option<i64>,
}

pub(super) static OF_SESSIONS: SetStatement = SetStatement::new(
    "SELECT compute_waiter.command, compute_waiter.session, compute_waiter.awaited, compute_waiter.created, \
         compute_waiter.due_at \
     FROM {rows} JOIN compute_waiter ON compute_waiter.session = r.id",
    // As that of the sessions themselves: they are asked for together.
    &[("id", ColumnType::Text)],
);

pub(super) static ADD: SetStatement = SetStatement::new(
    "INSERT INTO compute_waiter (command, session, awaited, created, due_at) \
     SELECT r.command, r.session, r.awaited, r.created, r.due_at FROM {rows} WHERE true",
    &[
        ("command", ColumnType::Text),
        ("session", ColumnType::Text),
        ("awaited", ColumnType::Text),
        ("created", ColumnType::Boolean),
        ("due_at", ColumnType::Integer),
    ],
);

pub(super) static REMOVE: SetStatement = SetStatement::new(
    "DELETE FROM compute_waiter WHERE command IN (SELECT r.command FROM {rows})",
    &[("command", ColumnType::Text)],
);

pub(super) const DUE: &str = "SELECT session FROM compute_waiter \
     WHERE due_at IS NOT NULL AND due_at <= $1 ORDER BY due_at LIMIT $2";

/// Has commands wait, each for its session.
pub(crate) async fn add(
    transaction: &mut Transaction,
    waiters: &[(Uuid, Waiter)],
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = waiters
        .iter()
        .map(|(session, waiter)| {
            let (awaited, created, due_at) = match waiter.awaited {
                Awaited::Known { created } => ("known", created, None),
                Awaited::Started { created, until } => ("started", created, Some(until)),
                Awaited::Over => ("over", false, None),
                Awaited::Restarted => ("restarted", false, None),
            };
            vec![
                waiter.command.to_string().into(),
                session.to_string().into(),
                awaited.into(),
                created.into(),
                due_at.into(),
            ]
        })
        .collect();
    transaction.write_set(&ADD, &rows).await
}

/// Forgets commands that are answered.
pub(crate) async fn remove(
    transaction: &mut Transaction,
    commands: &[Uuid],
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = commands
        .iter()
        .map(|command| vec![command.to_string().into()])
        .collect();
    transaction.write_set(&REMOVE, &rows).await
}

/// Sessions for which somebody has waited long enough, once for each who has.
pub(crate) async fn sessions_with_late_waiters(
    transaction: &mut Transaction,
    now: i64,
    limit: i64,
) -> Result<Vec<Uuid>, StorageError> {
    let binds = [now.into(), limit.into()];
    let rows: Vec<(String,)> = transaction.fetch_all(DUE, &binds).await?;
    rows.iter().map(|(session,)| id(session)).collect()
}

impl WaiterRow {
    /// Who waits for which session.
    pub(super) fn into_waiter(self) -> Result<(Uuid, Waiter), StorageError> {
        let created = self.created;
        let awaited = match (self.awaited.as_str(), self.due_at) {
            ("known", _) => Awaited::Known { created },
            ("started", Some(until)) => Awaited::Started { created, until },
            ("over", _) => Awaited::Over,
            ("restarted", _) => Awaited::Restarted,
            (awaited, _) => return Err(unknown("waiter", awaited)),
        };
        let command = id(&self.command)?;
        Ok((id(&self.session)?, Waiter { command, awaited }))
    }
}
