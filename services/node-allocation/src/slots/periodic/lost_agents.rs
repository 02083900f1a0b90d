//! Agents that have said nothing for too long, and what sessions had there.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use muster_messaging::{Broker, Context, Effects, HandlerError, Periodic};
use muster_platform::Clock;
use muster_storage::{StorageError, Transaction};
use tracing::warn;

use crate::{
    slots::{
        domain::listening::Listening,
        micros,
        serving::serve_waiting,
        store::{
            agents::{is_any_silent, lose},
            leases::end_of_agents,
        },
        told::{Told, emit_all, lost},
    },
    store::lock,
};

/// How often it is looked.
pub(crate) const INTERVAL: Duration = Duration::from_millis(500);

/// A pause between two looks longer than this part of the time-out is one in which beats may have been missed.
const PAUSES: u32 = 2;

/// Agents that are lost in one transaction, each with all that sessions have there.
const LOST_AT_A_TIME: i64 = 16;

/// Takes them for lost.
pub(crate) struct LostAgents {
    clock: Arc<dyn Clock>,
    broker: Broker,
    timeout: Duration,
    listening: Mutex<Listening>,
}

impl LostAgents {
    /// An agent that has not shown for so long is lost.
    pub(crate) fn new(clock: Arc<dyn Clock>, broker: Broker, timeout: Duration) -> Self {
        Self {
            clock,
            broker,
            timeout,
            listening: Mutex::default(),
        }
    }

    /// Since when beats would have been heard.
    fn listening_since(&self, now: i64) -> Option<i64> {
        let connection = *self.broker.connection().borrow();
        let epoch = connection.connected.then_some(connection.epoch);
        // It is never left half changed, so a panic elsewhere does not spoil it.
        let mut listening = self
            .listening
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        listening.look(now, epoch, micros(self.timeout / PAUSES))
    }
}

impl Periodic for LostAgents {
    async fn run(
        &self,
        transaction: &mut Transaction,
        cause: &Context,
        effects: &mut Effects,
    ) -> Result<bool, HandlerError> {
        let now = self.clock.now().as_micros();
        let silent_since = now.saturating_sub(micros(self.timeout));
        let since = self.listening_since(now);
        if since.is_none_or(|since| since > silent_since) {
            return Ok(false);
        }
        let (told, more) = lose_silent(transaction, now, silent_since, LOST_AT_A_TIME).await?;
        emit_all(effects, cause, &told)?;
        Ok(more)
    }
}

/// What is to be told: which sessions lost something, and who of those that wait got slots since quotas are free; and whether
/// there may be more agents. Microseconds since 1970.
pub(crate) async fn lose_silent(
    transaction: &mut Transaction,
    now: i64,
    silent_since: i64,
    limit: i64,
) -> Result<(Vec<Told>, bool), StorageError> {
    // Mostly there is none, and then nobody has to wait for the lock.
    if !is_any_silent(transaction, silent_since).await? {
        return Ok((Vec::new(), false));
    }
    lock(transaction).await?;
    let agents = lose(transaction, silent_since, limit).await?;
    let sessions = end_of_agents(transaction, now, &agents).await?;
    for agent in &agents {
        let had = sessions.iter().filter(|lost| lost.agent == *agent).count();
        warn!(target: "muster::node_allocation", agent, sessions = had, "an agent is lost");
    }
    let mut told = lost(sessions);
    // What waited for it, or for the quota of those that lost something, is told or served.
    told.extend(serve_waiting(transaction, now).await?);
    let more = i64::try_from(agents.len()).is_ok_and(|lost| lost >= limit);
    Ok((told, more))
}

#[cfg(test)]
mod tests;
