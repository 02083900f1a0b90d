//! Agents that run containers.

use std::collections::BTreeSet;

use muster_contract::node_allocation::AgentStatus;
use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};
use sqlx::FromRow;

use super::{slots_of, to_json};
use crate::{slots::domain::beat::KnownAgent, store::unreadable};

#[derive(Debug, FromRow)]
struct Row {
    name: String,
    scaling_group: String,
    status: String,
    seen_at: i64,
    instance: String,
    version: String,
    address: String,
    slots: String,
}

pub(super) static NAMED: SetStatement = SetStatement::new(
    "SELECT agent.name, agent.scaling_group, agent.status, agent.seen_at, agent.instance, agent.version, agent.address, agent.slots \
     FROM {rows} JOIN agent ON agent.name = r.name",
    &[("name", ColumnType::Text)],
);

pub(super) static OF_GROUPS: SetStatement = SetStatement::new(
    "SELECT agent.name, agent.scaling_group, agent.status, agent.seen_at, agent.instance, agent.version, agent.address, agent.slots \
     FROM {rows} JOIN agent ON agent.scaling_group = r.scaling_group",
    &[("scaling_group", ColumnType::Text)],
);

/// Another replica may have heard a later beat.
static SAVE: SetStatement = SetStatement::new(
    "INSERT INTO agent (name, scaling_group, status, seen_at, instance, version, address, slots) \
     SELECT r.name, r.scaling_group, r.status, r.seen_at, r.instance, r.version, r.address, r.slots FROM {rows} WHERE true \
     ON CONFLICT (name) DO UPDATE SET scaling_group = excluded.scaling_group, status = excluded.status, \
         seen_at = excluded.seen_at, instance = excluded.instance, version = excluded.version, \
         address = excluded.address, slots = excluded.slots \
     WHERE excluded.seen_at >= agent.seen_at",
    &[
        ("name", ColumnType::Text),
        ("scaling_group", ColumnType::Text),
        ("status", ColumnType::Text),
        ("seen_at", ColumnType::Integer),
        ("instance", ColumnType::Text),
        ("version", ColumnType::Text),
        ("address", ColumnType::Text),
        ("slots", ColumnType::Text),
    ],
);

pub(super) const EARLIEST_SEEN: &str =
    "SELECT seen_at FROM agent WHERE status = 'alive' ORDER BY seen_at LIMIT 1";

pub(super) const LOSE: &str = "UPDATE agent SET status = 'lost' WHERE name IN \
         (SELECT name FROM agent WHERE status = 'alive' AND seen_at < $1 ORDER BY seen_at LIMIT $2) RETURNING name";

pub(super) const FORGET: &str = "DELETE FROM agent WHERE name IN \
     (SELECT name FROM agent WHERE status = 'lost' AND seen_at < $1 ORDER BY seen_at LIMIT $2)";

/// Those of the names that are known.
pub(crate) async fn named<'a>(
    transaction: &mut Transaction,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<KnownAgent>, StorageError> {
    known(transaction, &NAMED, names).await
}

/// The agents of the groups.
pub(crate) async fn of_groups<'a>(
    transaction: &mut Transaction,
    groups: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<KnownAgent>, StorageError> {
    known(transaction, &OF_GROUPS, groups).await
}

async fn known<'a>(
    transaction: &mut Transaction,
    statement: &'static SetStatement,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<KnownAgent>, StorageError> {
    let names: BTreeSet<&str> = names.into_iter().collect();
    let rows: Vec<Vec<Bind>> = names.into_iter().map(|name| vec![name.into()]).collect();
    let rows: Vec<Row> = transaction.fetch_set(statement, &rows).await?;
    rows.into_iter().map(agent).collect()
}

fn agent(row: Row) -> Result<KnownAgent, StorageError> {
    Ok(KnownAgent {
        alive: status_of(&row.status)? == AgentStatus::Alive,
        slots: slots_of(&row.slots)?,
        name: row.name,
        scaling_group: row.scaling_group,
        seen_at: row.seen_at,
        instance: row.instance,
        version: row.version,
        address: row.address,
    })
}

/// A status as the table has it.
pub(super) fn status_of(name: &str) -> Result<AgentStatus, StorageError> {
    AgentStatus::from_name(name).ok_or_else(|| unreadable("status", name))
}

/// Notes agents as they are, each named once.
pub(crate) async fn save(
    transaction: &mut Transaction,
    agents: &[&KnownAgent],
) -> Result<(), StorageError> {
    let rows = agents
        .iter()
        .map(|agent| {
            let status = if agent.alive {
                AgentStatus::Alive
            } else {
                AgentStatus::Lost
            };
            Ok(vec![
                (&agent.name).into(),
                (&agent.scaling_group).into(),
                status.name().into(),
                agent.seen_at.into(),
                (&agent.instance).into(),
                (&agent.version).into(),
                (&agent.address).into(),
                to_json(&agent.slots)?.into(),
            ])
        })
        .collect::<Result<Vec<Vec<Bind>>, StorageError>>()?;
    transaction.write_set(&SAVE, &rows).await
}

/// Whether an agent that is not lost has last been seen before that time.
pub(crate) async fn is_any_silent(
    transaction: &mut Transaction,
    before: i64,
) -> Result<bool, StorageError> {
    let earliest: Option<(i64,)> = transaction.fetch_optional(EARLIEST_SEEN, &[]).await?;
    Ok(earliest.is_some_and(|(earliest,)| earliest < before))
}

/// Takes those for lost that have last been seen before that time, so many at most; says which.
pub(crate) async fn lose(
    transaction: &mut Transaction,
    before: i64,
    limit: i64,
) -> Result<Vec<String>, StorageError> {
    let names: Vec<(String,)> = transaction
        .fetch_all(LOSE, &[before.into(), limit.into()])
        .await?;
    let mut names: Vec<String> = names.into_iter().map(|(name,)| name).collect();
    names.sort_unstable();
    Ok(names)
}

/// Forgets agents that are lost and have last been seen before that time, so many at most; says how many it were.
pub(crate) async fn forget(
    transaction: &mut Transaction,
    before: i64,
    limit: i64,
) -> Result<u64, StorageError> {
    transaction
        .execute(FORGET, &[before.into(), limit.into()])
        .await
}
