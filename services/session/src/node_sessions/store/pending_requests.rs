//! What node allocation was asked for and has not answered.

use std::collections::HashMap;

use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};
use sqlx::FromRow;
use uuid::Uuid;

use crate::node_sessions::asking::{Ask, PendingRequest};

#[derive(Debug, FromRow)]
pub(super) struct PendingRow {
    request: String,
    session: String,
    command: Option<String>,
    message: String,
    due_at: i64,
}

/// What sessions wait for.
pub(super) static OF_SESSIONS: SetStatement = SetStatement::new(
    "SELECT pending_request.request, pending_request.session, pending_request.command, pending_request.message, \
         pending_request.due_at \
     FROM {rows} JOIN pending_request ON pending_request.session = r.id",
    // As that of the sessions themselves: they are asked for together.
    &[("id", ColumnType::Text)],
);

pub(super) static ADD: SetStatement = SetStatement::new(
    "INSERT INTO pending_request (request, session, command, message, due_at) \
     SELECT r.request, r.session, r.command, r.message, r.due_at FROM {rows} WHERE true",
    &[
        ("request", ColumnType::Text),
        ("session", ColumnType::Text),
        ("command", ColumnType::Text),
        ("message", ColumnType::Text),
        ("due_at", ColumnType::Integer),
    ],
);

pub(super) static REMOVE: SetStatement = SetStatement::new(
    "DELETE FROM pending_request WHERE request IN (SELECT r.request FROM {rows})",
    &[("request", ColumnType::Text)],
);

#[derive(Debug, FromRow)]
struct BegunRow {
    command: String,
    request: String,
    session: String,
    tenant: String,
    message: String,
}

pub(super) static OF_COMMANDS: SetStatement = SetStatement::new(
    "SELECT r.command, pending_request.request, pending_request.session, node_session.tenant, pending_request.message \
     FROM {rows} JOIN pending_request ON pending_request.command = r.command \
     JOIN node_session ON node_session.id = pending_request.session",
    &[("command", ColumnType::Text)],
);

/// A question that a command began.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) request: Uuid,
    /// The session it is for.
    pub(crate) session: String,
    /// Its project.
    pub(crate) tenant: String,
    pub(crate) ask: Ask,
}

/// What these commands wait for, of those that do. Each command once.
pub(crate) async fn of_commands(
    transaction: &mut Transaction,
    commands: impl IntoIterator<Item = Uuid>,
) -> Result<HashMap<Uuid, Begun>, StorageError> {
    let rows: Vec<Vec<Bind>> = commands
        .into_iter()
        .map(|id| vec![id.to_string().into()])
        .collect();
    let rows: Vec<BegunRow> = transaction.fetch_set(&OF_COMMANDS, &rows).await?;
    rows.into_iter()
        .map(|row| {
            let begun = Begun {
                request: id(&row.request)?,
                session: row.session,
                tenant: row.tenant,
                ask: ask(&row.message)?,
            };
            Ok((id(&row.command)?, begun))
        })
        .collect()
}

/// Keeps what was asked.
pub(crate) async fn add(
    transaction: &mut Transaction,
    requests: &[PendingRequest],
) -> Result<(), StorageError> {
    let rows = requests
        .iter()
        .map(|request| {
            let message = serde_json::to_string(&request.ask);
            let message = message.map_err(|error| StorageError::Other(error.into()))?;
            Ok(vec![
                request.request.to_string().into(),
                (&request.session).into(),
                Bind::Text(request.command.map(|command| command.to_string())),
                message.into(),
                request.due_at.into(),
            ])
        })
        .collect::<Result<Vec<_>, StorageError>>()?;
    transaction.write_set(&ADD, &rows).await
}

/// Forgets what was answered.
pub(crate) async fn remove(
    transaction: &mut Transaction,
    requests: &[Uuid],
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = requests
        .iter()
        .map(|request| vec![request.to_string().into()])
        .collect();
    transaction.write_set(&REMOVE, &rows).await
}

impl PendingRow {
    pub(super) fn into_request(self) -> Result<PendingRequest, StorageError> {
        Ok(PendingRequest {
            request: id(&self.request)?,
            session: self.session,
            command: self.command.as_deref().map(id).transpose()?,
            ask: ask(&self.message)?,
            due_at: self.due_at,
        })
    }
}

fn id(text: &str) -> Result<Uuid, StorageError> {
    Uuid::try_parse(text).map_err(|error| StorageError::Other(error.into()))
}

fn ask(message: &str) -> Result<Ask, StorageError> {
    serde_json::from_str(message).map_err(|error| StorageError::Other(error.into()))
}
