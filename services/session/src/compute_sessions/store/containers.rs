//! Containers by their ids: what agents know them by.

use std::collections::{BTreeSet, HashMap};

use muster_contract::agent::Usage;
use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};
use sqlx::FromRow;
use uuid::Uuid;

use super::session_row::{id, json};

#[derive(Debug, FromRow)]
struct ContainerRow {
    id: String,
    session: String,
}

pub(super) static SESSIONS: SetStatement = SetStatement::new(
    "SELECT compute_container.id, compute_container.session \
     FROM {rows} JOIN compute_container ON compute_container.id = r.id",
    &[("id", ColumnType::Text)],
);

pub(super) static USE: SetStatement = SetStatement::new(
    "UPDATE compute_container SET usage = r.usage FROM {rows} \
     WHERE compute_container.id = r.id AND compute_container.agent = r.agent \
         AND compute_container.terminated_at IS NULL",
    &[
        ("id", ColumnType::Text),
        ("agent", ColumnType::Text),
        ("usage", ColumnType::Text),
    ],
);

/// The sessions of these containers, of those that are known.
pub(crate) async fn sessions_of_containers(
    transaction: &mut Transaction,
    containers: &BTreeSet<Uuid>,
) -> Result<HashMap<Uuid, Uuid>, StorageError> {
    let rows: Vec<Vec<Bind>> = containers
        .iter()
        .map(|id| vec![id.to_string().into()])
        .collect();
    let rows: Vec<ContainerRow> = transaction.fetch_set(&SESSIONS, &rows).await?;
    rows.iter()
        .map(|row| Ok((id(&row.id)?, id(&row.session)?)))
        .collect()
}

/// Writes what containers have used, of those that are not over and that the agent has. Each once.
pub(crate) async fn save_usage(
    transaction: &mut Transaction,
    usage: &[(Uuid, &str, &Usage)],
) -> Result<(), StorageError> {
    let rows = usage
        .iter()
        .map(|(container, agent, usage)| {
            Ok(vec![
                container.to_string().into(),
                (*agent).into(),
                json(usage)?.into(),
            ])
        })
        .collect::<Result<Vec<Vec<Bind>>, StorageError>>()?;
    transaction.write_set(&USE, &rows).await
}
