//! Levels of slots, for metrics.

use std::collections::BTreeMap;

use muster_contract::ResourceSlots;
use muster_platform::Timestamp;
use muster_storage::{Snapshot, StorageError};
use muster_telemetry::{
    metrics::{LevelMetrics, Reading},
    names::{self, metric},
};
use rust_decimal::prelude::ToPrimitive as _;

use super::{
    domain::ledger::Scope,
    store::{
        leases::{USED, UseRow},
        slots_of,
    },
};
use crate::{
    measures::{Quotas, float, seconds},
    store::count,
};

/// The resource of quotas that is sessions.
const SESSIONS: &str = "compute_sessions";

/// Groups and projects whose slots are told.
const ROWS: i64 = 200;

pub(crate) const QUEUE: &str = "SELECT COUNT(*), MIN(enqueued_at) FROM slot_request";

/// Agents are as many as the site has machines; most are alike.
const AGENTS: &str = "SELECT scaling_group, status, slots, COUNT(*), MIN(seen_at) FROM agent \
     GROUP BY scaling_group, status, slots";

const LIMITS: &str =
    "SELECT name, sessions, slots FROM slot_quota WHERE scope = $1 ORDER BY name LIMIT $2";

/// Adds up what sessions have, by group and by project. Returns how many containers have slots.
pub(crate) async fn used(
    snapshot: &mut Snapshot,
    levels: &LevelMetrics,
    quotas: &mut Quotas,
) -> Result<f64, StorageError> {
    let rows: Vec<UseRow> = snapshot.fetch_all(USED, &[]).await?;
    let mut containers = 0;
    let mut groups: BTreeMap<String, ResourceSlots> = BTreeMap::new();
    let mut projects: BTreeMap<String, (i64, ResourceSlots)> = BTreeMap::new();
    for row in rows {
        let slots = slots_of(&row.slots)?.times(count("number of containers", row.containers)?);
        containers += row.containers;
        let group = groups.entry(row.scaling_group).or_default();
        *group = group.plus(&slots);
        let (sessions, project) = projects.entry(row.tenant).or_default();
        *sessions += row.sessions;
        *project = project.plus(&slots);
    }
    levels.set(metric::MUSTER_SLOTS_OCCUPIED, of_groups(&groups));
    for (project, (sessions, slots)) in &projects {
        quotas.uses(project, SESSIONS, float(*sessions));
        for (slot, amount) in amounts(slots) {
            quotas.uses(project, slot, amount);
        }
    }
    let binds = [Scope::Tenant.name().into(), ROWS.into()];
    let limits: Vec<(String, Option<i64>, String)> = snapshot.fetch_all(LIMITS, &binds).await?;
    for (project, sessions, slots) in &limits {
        if let Some(sessions) = sessions {
            quotas.may_have(project, SESSIONS, float(*sessions));
        }
        for (slot, amount) in amounts(&slots_of(slots)?) {
            quotas.may_have(project, slot, amount);
        }
    }
    Ok(float(containers))
}

/// Counts agents and what they have.
pub(crate) async fn agents(
    snapshot: &mut Snapshot,
    levels: &LevelMetrics,
    now: Timestamp,
) -> Result<(), StorageError> {
    let rows: Vec<(String, String, String, i64, i64)> = snapshot.fetch_all(AGENTS, &[]).await?;
    let mut counts: BTreeMap<(String, String), i64> = BTreeMap::new();
    let mut silent_since: BTreeMap<String, i64> = BTreeMap::new();
    let mut capacity: BTreeMap<String, ResourceSlots> = BTreeMap::new();
    for (group, status, slots, agents, seen_at) in rows {
        if status == "alive" {
            let sum = capacity.entry(group.clone()).or_default();
            *sum = sum.plus(&slots_of(&slots)?.times(count("number of agents", agents)?));
            let since = silent_since.entry(group.clone()).or_insert(seen_at);
            *since = seen_at.min(*since);
        }
        *counts.entry((group, status)).or_default() += agents;
    }
    let counts = counts.iter().map(|((group, status), agents)| {
        let labels = [
            (names::MUSTER_SCALING_GROUP, group.as_str()),
            (names::MUSTER_AGENT_STATUS, status.as_str()),
        ];
        Reading::new(labels, float(*agents))
    });
    levels.set(metric::MUSTER_AGENTS, counts.collect());
    let silence = silent_since.iter().map(|(group, since)| {
        let labels = [(names::MUSTER_SCALING_GROUP, group.as_str())];
        Reading::new(labels, seconds(*since, now))
    });
    levels.set(metric::MUSTER_AGENTS_LONGEST_SILENCE, silence.collect());
    levels.set(metric::MUSTER_SLOTS_CAPACITY, of_groups(&capacity));
    Ok(())
}

fn of_groups(groups: &BTreeMap<String, ResourceSlots>) -> Vec<Reading> {
    let all = groups.iter().flat_map(|(group, slots)| {
        amounts(slots).map(move |(slot, amount)| {
            let labels = [
                (names::MUSTER_SCALING_GROUP, group.as_str()),
                (names::MUSTER_RESOURCE, slot),
            ];
            Reading::new(labels, amount)
        })
    });
    all.collect()
}

/// The slots by name, as metrics have them.
fn amounts(slots: &ResourceSlots) -> impl Iterator<Item = (&str, f64)> {
    slots
        .iter()
        .map(|(slot, amount)| (slot, amount.decimal().to_f64().unwrap_or(f64::MAX)))
}
