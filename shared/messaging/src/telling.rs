//! Sees to it that outcomes that came later are told.
//!
//! They are told right after the commit that stored them. Whoever commits may die before that, or its connection may
//! break; unlike with a command at hand no delivery comes again then that would be answered. So the addresses stay in
//! their table until the outcome was told, and a sweep tells what was left.

use std::{collections::HashSet, time::Duration};

use muster_storage::{Database, StorageError, late_outcomes};
use serde_json::value::RawValue;
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use tracing::warn;
use uuid::Uuid;

use crate::{
    Broker, Environment,
    ledger::{LateReply, begin},
    outlet::Told,
    replies::Replies,
    topology::chain,
};

/// Notes that may wait in memory; those of what does not fit are told again.
pub(crate) const QUEUE_LIMIT: usize = 1024;

/// How often the sweep looks, and how long what was told may wait to be noted.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// How long ago an outcome must have been stored for the sweep: younger ones are being told, here or by another replica.
const SWEEP_AGE: Duration = Duration::from_secs(2);

/// Outcomes that one sweep reads at once.
const SWEEP_PAGE: usize = 256;

/// The telling half of outcomes that come later.
pub(crate) struct Teller {
    pub(crate) broker: Broker,
    pub(crate) database: Database,
    pub(crate) environment: Environment,
    pub(crate) stop: CancellationToken,
}

impl Teller {
    /// Until all who tell are gone; then what was told is noted.
    pub(crate) async fn run(self, mut told: mpsc::Receiver<Told>) {
        let mut ticks = interval(SWEEP_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut age = Duration::ZERO;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.stop.cancelled() => break,
            }
            let mut noted = Vec::new();
            while let Ok(note) = told.try_recv() {
                noted.push(note);
            }
            self.note(noted).await;
            if self.broker.is_connected() {
                match self.sweep(age).await {
                    Ok(()) => age = SWEEP_AGE,
                    Err(error) => {
                        warn!(target: "muster::messaging", error = %chain(&error), "outcomes that were not told cannot be looked for");
                    }
                }
            }
        }
        let mut rest = Vec::new();
        while let Some(note) = told.recv().await {
            rest.push(note);
        }
        self.note(rest).await;
    }

    /// Forgets the addresses of what was told over the connection that still stands. What was told over an earlier one may
    /// have been lost with it, and is told again.
    async fn note(&self, told: Vec<Told>) {
        let epoch = self.broker.epoch();
        let commands: HashSet<Uuid> = told
            .into_iter()
            .filter(|told| told.epoch == epoch)
            .flat_map(|told| told.commands)
            .collect();
        if commands.is_empty() || !self.broker.is_connected() {
            return;
        }
        let sent = self.broker.client().flush().await;
        if sent.is_err() || self.broker.epoch() != epoch {
            return;
        }
        let mut commands: Vec<String> = commands.iter().map(Uuid::to_string).collect();
        commands.sort();
        if let Err(error) = self.forget(&commands).await {
            warn!(target: "muster::messaging", error = %chain(&error), "cannot note which outcomes were told");
        }
    }

    async fn forget(&self, commands: &[String]) -> Result<(), StorageError> {
        let mut transaction = begin(&self.database).await?;
        late_outcomes::forget_told(&mut transaction, commands).await?;
        transaction.commit().await
    }

    /// Tells what nobody told.
    async fn sweep(&self, age: Duration) -> Result<(), StorageError> {
        loop {
            let now = self.environment.clock.now();
            // Outcomes of this very instant belong to the first sweep too.
            let before = now.minus(age).as_micros() + 1;
            let limit = i64::try_from(SWEEP_PAGE).unwrap_or(i64::MAX);
            let found = late_outcomes::untold(&self.database, before, limit).await?;
            if found.is_empty() || self.stop.is_cancelled() {
                return Ok(());
            }
            let complete = found.len() < SWEEP_PAGE;
            let epoch = self.broker.epoch();
            let mut commands: Vec<String> = found
                .iter()
                .map(|outcome| outcome.command_id.clone())
                .collect();
            commands.dedup();
            if !complete {
                // More may wait for the last of them than the page shows; it comes again with the next.
                commands.pop();
            }
            let mut replies = Replies::default();
            for untold in found {
                let outcome = untold.outcome.map(RawValue::from_string);
                let late = outcome.and_then(Result::ok).and_then(|outcome| {
                    LateReply::of(
                        untold.address,
                        untold.deadline,
                        &untold.command_id,
                        untold.fingerprint,
                        outcome,
                        now,
                    )
                });
                if let Some(LateReply { address, reply }) = late {
                    replies.add(&address, reply);
                }
            }
            replies.send(&self.broker).await;
            let sent = self.broker.client().flush().await;
            if sent.is_err() || self.broker.epoch() != epoch {
                return Ok(());
            }
            self.forget(&commands).await?;
            if complete {
                return Ok(());
            }
        }
    }
}
