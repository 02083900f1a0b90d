//! Lists of agents.

use std::collections::HashMap;

use muster_contract::{
    ResourceSlots,
    node_allocation::{Agent, ListAgents},
};
use muster_storage::{Bind, ColumnType, Database, SetStatement, StorageError};
use sqlx::FromRow;

use super::{agents::status_of, slots_of};
use crate::store::count;

#[derive(Debug, FromRow)]
struct Row {
    name: String,
    scaling_group: String,
    status: String,
    seen_at: i64,
    version: String,
    address: String,
    slots: String,
}

pub(super) const PAGE: &str = "SELECT name, scaling_group, status, seen_at, version, address, slots FROM agent \
     WHERE name > $1 ORDER BY name LIMIT $2";

pub(super) const PAGE_OF_GROUP: &str = "SELECT name, scaling_group, status, seen_at, version, address, slots FROM agent \
     WHERE scaling_group = $3 AND name > $1 ORDER BY name LIMIT $2";

pub(super) static OCCUPIED: SetStatement = SetStatement::new(
    "SELECT slot_lease.agent, slot_lease.slots, COUNT(*) AS containers FROM {rows} \
     JOIN slot_lease ON slot_lease.agent = r.agent AND slot_lease.ended_at IS NULL \
     GROUP BY slot_lease.agent, slot_lease.slots",
    &[("agent", ColumnType::Text)],
);

/// The agents that are asked for, by name.
pub(crate) async fn list_agents(
    database: &Database,
    question: &ListAgents,
) -> Result<Vec<Agent>, StorageError> {
    let mut snapshot = database.snapshot().await?;
    let limit = question.limit.min(ListAgents::PAGE_LIMIT);
    let after = question.after.clone().unwrap_or_default();
    let mut binds: Vec<Bind> = vec![after.into(), limit.into()];
    let sql = match &question.scaling_group {
        Some(group) => {
            binds.push(group.into());
            PAGE_OF_GROUP
        }
        None => PAGE,
    };
    let rows: Vec<Row> = snapshot.fetch_all(sql, &binds).await?;
    let names: Vec<Vec<Bind>> = rows.iter().map(|row| vec![(&row.name).into()]).collect();
    let used: Vec<(String, String, i64)> = snapshot.fetch_set(&OCCUPIED, &names).await?;
    let mut occupied: HashMap<String, ResourceSlots> = HashMap::new();
    for (agent, slots, containers) in used {
        let containers = count("number of containers", containers)?;
        let sum = occupied.entry(agent).or_default();
        *sum = sum.plus(&slots_of(&slots)?.times(containers));
    }
    rows.into_iter()
        .map(|row| {
            Ok(Agent {
                status: status_of(&row.status)?,
                available: slots_of(&row.slots)?,
                occupied: occupied.remove(&row.name).unwrap_or_default(),
                name: row.name,
                scaling_group: row.scaling_group,
                seen_at: row.seen_at,
                version: row.version,
                address: row.address,
            })
        })
        .collect()
}
