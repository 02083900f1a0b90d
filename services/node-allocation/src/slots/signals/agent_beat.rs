//! Which agents are there, and what they have.

use std::{collections::HashMap, time::Duration};

use muster_contract::agent::AgentBeat;
use muster_messaging::{Context, Effects, HandlerError, HearSignals, Heard};
use muster_storage::{StorageError, Transaction};
use tracing::info;

use crate::{
    slots::{
        domain::beat::{KnownAgent, News, news},
        micros,
        serving::serve_waiting,
        store::agents::{named, save},
        told::{Told, emit_all},
    },
    store::lock,
};

/// That an agent is still there is noted when this part of the time has passed after which it would be lost.
const REFRESHES: u32 = 4;

/// Hears [`AgentBeat`].
pub(crate) struct AgentBeats {
    /// Microseconds.
    refresh: i64,
}

impl AgentBeats {
    /// An agent is lost after so long.
    pub(crate) fn new(timeout: Duration) -> Self {
        Self {
            refresh: micros(timeout / REFRESHES),
        }
    }
}

impl HearSignals<AgentBeat> for AgentBeats {
    async fn hear(
        &self,
        transaction: &mut Transaction,
        signals: &[Heard<AgentBeat>],
        cause: &Context,
        effects: &mut Effects,
    ) -> Result<(), HandlerError> {
        let beats = signals.iter().filter_map(|heard| {
            KnownAgent::of_beat(&heard.agent, &heard.body, heard.at.as_micros())
        });
        let now = cause.received_at().as_micros();
        let told = hear_beats(transaction, now, beats.collect(), self.refresh).await?;
        emit_all(effects, cause, &told)
    }
}

/// What is to be told: who of those that wait got slots. Of an agent that comes several times the last counts.
pub(crate) async fn hear_beats(
    transaction: &mut Transaction,
    now: i64,
    beats: Vec<KnownAgent>,
    refresh: i64,
) -> Result<Vec<Told>, StorageError> {
    let latest: HashMap<String, KnownAgent> = beats
        .into_iter()
        .map(|agent| (agent.name.clone(), agent))
        .collect();
    // Mostly there is nothing new, and then nobody has to wait for the lock.
    if new(transaction, &latest, refresh).await?.is_empty() {
        return Ok(Vec::new());
    }
    lock(transaction).await?;
    let new = new(transaction, &latest, refresh).await?;
    let agents: Vec<&KnownAgent> = new.iter().map(|(agent, _)| *agent).collect();
    save(transaction, &agents).await?;
    let mut bringing = new.iter().filter(|(_, news)| *news == News::BringsRoom);
    let mut brings_room = false;
    for (agent, _) in &mut bringing {
        brings_room = true;
        info!(
            target: "muster::node_allocation",
            agent = agent.name, scaling_group = agent.scaling_group, slots = ?agent.slots, "an agent has room for containers"
        );
    }
    if brings_room {
        return serve_waiting(transaction, now).await;
    }
    Ok(Vec::new())
}

async fn new<'a>(
    transaction: &mut Transaction,
    latest: &'a HashMap<String, KnownAgent>,
    refresh: i64,
) -> Result<Vec<(&'a KnownAgent, News)>, StorageError> {
    let known = named(transaction, latest.keys().map(String::as_str)).await?;
    let known: HashMap<&str, &KnownAgent> = known
        .iter()
        .map(|agent| (agent.name.as_str(), agent))
        .collect();
    let all = latest.values().map(|agent| {
        let before = known.get(agent.name.as_str()).copied();
        (agent, news(before, agent, refresh))
    });
    Ok(all.filter(|(_, news)| *news != News::None).collect())
}

#[cfg(test)]
mod tests;
