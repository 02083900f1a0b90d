//! What containers use.

use std::collections::{BTreeMap, BTreeSet};

use muster_contract::agent::{ContainersUsage, Usage};
use muster_messaging::{Context, Effects, HandlerError, HearSignals, Heard};
use muster_storage::{StorageError, Transaction};
use uuid::Uuid;

use crate::compute_sessions::{
    book::lock_sessions,
    store::containers::{save_usage, sessions_of_containers},
};

/// Hears [`ContainersUsage`].
pub(crate) struct ContainersUsageHearer;

impl HearSignals<ContainersUsage> for ContainersUsageHearer {
    async fn hear(
        &self,
        transaction: &mut Transaction,
        signals: &[Heard<ContainersUsage>],
        _cause: &Context,
        _effects: &mut Effects,
    ) -> Result<(), HandlerError> {
        let heard = signals.iter();
        let heard = heard.map(|heard| (heard.agent.as_str(), &heard.body));
        let heard: Vec<(&str, &ContainersUsage)> = heard.collect();
        Ok(containers_usage(transaction, &heard).await?)
    }
}

/// Keeps what each container has used, as it was said last.
pub(crate) async fn containers_usage(
    transaction: &mut Transaction,
    heard: &[(&str, &ContainersUsage)],
) -> Result<(), StorageError> {
    let mut newest: BTreeMap<Uuid, (&str, &Usage)> = BTreeMap::new();
    for (agent, usage) in heard {
        for container in &usage.containers {
            newest.insert(container.container, (*agent, &container.usage));
        }
    }
    let containers: BTreeSet<Uuid> = newest.keys().copied().collect();
    let sessions = sessions_of_containers(transaction, &containers).await?;
    // Whoever changes a session writes its containers: in turns, so that nothing older is written over this.
    let locks: BTreeSet<Uuid> = sessions.values().copied().collect();
    lock_sessions(transaction, &locks).await?;
    let mut usage: Vec<(Uuid, &str, &Usage)> = Vec::with_capacity(newest.len());
    for (container, (agent, used)) in newest {
        if sessions.contains_key(&container) {
            usage.push((container, agent, used));
        }
    }
    save_usage(transaction, &usage).await
}

#[cfg(test)]
mod tests;
