//! Sees commands and events through to their end: carried out and acknowledged, or put aside.

use std::{collections::HashMap, time::Duration};

use async_nats::jetstream::{self, AckKind};
use muster_contract::ReplyBody;
use muster_platform::ComponentHealth;
use muster_storage::StorageError;
use muster_telemetry::metrics::ConsumerMetrics;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::{
    Environment,
    ahead::Ahead,
    batch::{BatchError, BatchRunner, Fate, Settled},
    breakpoint,
    dead_letters::Cabinet,
    delivery::{Delivery, Raw},
    ledger::Consequences,
    outlet::Outlet,
    source::Source,
    spans,
    topology::chain,
};

/// A command that was delivered more often than this without coming to an end has brought the service down each time.
const DELIVERY_LIMIT: i64 = 8;

/// A command that was delivered more often than this may be one that brings the service down. It is carried out by itself,
/// so that it takes no others along.
const UNSUSPICIOUS_DELIVERIES: i64 = 2;

/// How often a batch is tried again because another transaction was in the way.
const CONFLICT_LIMIT: u32 = 16;

/// Pause before it is tried again, multiplied by how often that was.
const CONFLICT_PAUSE: Duration = Duration::from_millis(1);

/// Pause before the database is tried again.
const DATABASE_PAUSE: Duration = Duration::from_millis(250);

/// How long a message stays in its stream that could neither be processed nor filed as a dead letter.
const FILING_PAUSE: Duration = Duration::from_secs(30);

/// Runs messages until each has come to its end.
pub(crate) struct Settler {
    pub(crate) source: Source,
    pub(crate) environment: Environment,
    pub(crate) runner: BatchRunner,
    pub(crate) cabinet: Cabinet,
    pub(crate) outlet: Outlet,
    pub(crate) metrics: ConsumerMetrics,
    pub(crate) health: ComponentHealth,
    pub(crate) stop: CancellationToken,
}

/// How the attempts to carry out a batch ended.
enum Verdict {
    Settled(Settled),
    /// The delivery at this place cannot be decoded.
    Malformed(usize, String),
    Failed(String),
    /// We are to stop.
    Stopped,
}

impl Settler {
    /// Settles the messages, and tells whether one of them was suspicious. Those that are left when we are to stop are given
    /// back.
    pub(crate) async fn settle(
        &self,
        messages: Vec<jetstream::Message>,
        ahead: &mut Ahead,
    ) -> bool {
        self.metrics.consumed(count(messages.len()));
        let now = self.environment.clock.now();
        let mut deliveries: Vec<Delivery> = Vec::with_capacity(messages.len());
        let mut places = HashMap::with_capacity(messages.len());
        let mut exhausted = Vec::new();
        for message in messages {
            let raw = match Raw::of(message, &self.source) {
                Ok(raw) => raw,
                Err(error) => {
                    error!(target: "muster::messaging", %error, "a message that does not come from a stream");
                    continue;
                }
            };
            match Delivery::read(raw, &self.source, now) {
                Err(unreadable) => {
                    self.file(&unreadable.raw, &unreadable.reason, ahead).await;
                }
                Ok(delivery) if delivery.raw.delivered > DELIVERY_LIMIT => exhausted.push(delivery),
                Ok(delivery) => {
                    let place = *places
                        .entry(delivery.context.id())
                        .or_insert(deliveries.len());
                    match deliveries.get_mut(place) {
                        Some(first) => first.twins.push(delivery),
                        None => deliveries.push(delivery),
                    }
                }
            }
        }
        let started = Instant::now();
        let size = deliveries.len() + exhausted.len();
        let suspicious: Vec<_> = deliveries
            .extract_if(.., |delivery| {
                delivery.delivered() > UNSUSPICIOUS_DELIVERIES
            })
            .collect();
        let any_suspicious = !suspicious.is_empty() || !exhausted.is_empty();
        self.settle_batch(deliveries, ahead).await;
        for delivery in suspicious {
            self.settle_batch(vec![delivery], ahead).await;
        }
        // Last: an earlier delivery of the same message may just have been carried out.
        for delivery in exhausted {
            self.settle_exhausted(delivery, ahead).await;
        }
        if size > 0 {
            self.metrics.processed(count(size), started.elapsed());
        }
        any_suspicious
    }

    /// Runs the batch until each of its commands is carried out or put aside, or we are told to stop.
    async fn settle_batch(&self, mut batch: Vec<Delivery>, ahead: &mut Ahead) {
        let mut ask_inbox = batch.iter().any(repetition_is_likely);
        while !batch.is_empty() {
            match self.attempt(&batch, ask_inbox, ahead).await {
                Verdict::Settled(settled) => return self.finish(batch, settled).await,
                Verdict::Malformed(place, reason) => {
                    let delivery = batch.remove(place.min(batch.len() - 1));
                    self.put_aside(delivery, &reason, ahead).await;
                }
                Verdict::Failed(reason) => return self.one_by_one(batch, &reason, ahead).await,
                Verdict::Stopped => return give_back(batch, ahead),
            }
            ask_inbox = true;
        }
    }

    /// Each command in a transaction of its own; the one that fails again is put aside.
    async fn one_by_one(&self, batch: Vec<Delivery>, reason: &str, ahead: &mut Ahead) {
        warn!(target: "muster::messaging", size = batch.len(), reason, "a batch failed; trying one message at a time");
        for delivery in batch {
            let alone = vec![delivery];
            match self.attempt(&alone, true, ahead).await {
                Verdict::Settled(settled) => self.finish(alone, settled).await,
                Verdict::Malformed(_, reason) | Verdict::Failed(reason) => {
                    for delivery in alone {
                        self.put_aside(delivery, &reason, ahead).await;
                    }
                }
                Verdict::Stopped => give_back(alone, ahead),
            }
        }
    }

    /// Tries until the database is there and no other transaction is in the way.
    async fn attempt(&self, batch: &[Delivery], mut ask_inbox: bool, ahead: &mut Ahead) -> Verdict {
        let mut conflicts = 0;
        let mut waited = false;
        while !self.stop.is_cancelled() {
            match self.runner.run(batch, ask_inbox).await {
                Ok(settled) => {
                    if waited {
                        self.health.ready();
                    }
                    return Verdict::Settled(settled);
                }
                Err(BatchError::Unavailable(error)) => {
                    self.wait_for_database(&error, ahead).await;
                    waited = true;
                }
                Err(BatchError::Conflict) if conflicts < CONFLICT_LIMIT => {
                    self.pause(CONFLICT_PAUSE * conflicts).await;
                    conflicts += 1;
                }
                Err(BatchError::Conflict) => {
                    let reason = "other transactions were always in the way";
                    return Verdict::Failed(reason.to_owned());
                }
                Err(BatchError::Malformed(place, reason)) => {
                    return Verdict::Malformed(place, reason);
                }
                Err(BatchError::Failed(reason)) => return Verdict::Failed(reason),
            }
            ask_inbox = true;
        }
        Verdict::Stopped
    }

    /// One that was delivered too often: put aside without another attempt, unless an earlier one had succeeded.
    async fn settle_exhausted(&self, delivery: Delivery, ahead: &mut Ahead) {
        loop {
            match self.runner.remembered(&delivery).await {
                Ok(Some(fate)) => {
                    let settled = Settled {
                        fates: vec![fate],
                        consequences: Consequences::default(),
                        duplicates: 1,
                        filed: 0,
                    };
                    return self.finish(vec![delivery], settled).await;
                }
                Ok(None) => {
                    let reason = "it was delivered over and over without coming to an end";
                    return self.put_aside(delivery, reason, ahead).await;
                }
                // Whatever it is, it has nothing to do with this message.
                Err(error) => self.wait_for_database(&error, ahead).await,
            }
            if self.stop.is_cancelled() {
                return give_back(vec![delivery], ahead);
            }
        }
    }

    /// After the commit: reply, acknowledge, publish. Whatever of it is lost is made up for: a lost reply and a lost
    /// acknowledgement by the next delivery, a lost publication by the sweep of the outbox.
    async fn finish(&self, batch: Vec<Delivery>, settled: Settled) {
        let Settled {
            fates,
            consequences,
            duplicates,
            filed,
        } = settled;
        self.metrics.duplicates(count(duplicates));
        if filed > 0 {
            self.metrics.dead_letters(count(filed));
        }
        breakpoint::reached(breakpoint::BEFORE_REPLY).await;
        let Consequences {
            rows,
            replies,
            waits,
        } = consequences;
        self.outlet.count(waits);
        self.outlet.reply(&batch, fates, replies).await;
        breakpoint::reached(breakpoint::AFTER_COMMIT).await;
        let now = self.environment.clock.now().as_micros();
        for delivery in &batch {
            let micros = now.saturating_sub(delivery.raw.stored_at).max(0);
            let elapsed = Duration::from_micros(micros.unsigned_abs());
            let kind = match delivery.schema.as_str() {
                // A producer's own form.
                "" => "production",
                schema => schema,
            };
            self.metrics.step(kind.to_owned(), elapsed);
        }
        for delivery in batch.iter().flat_map(Delivery::with_twins) {
            // Unacknowledged it comes again, and the inbox knows it.
            let _ = delivery.raw.message.ack().await;
        }
        breakpoint::reached(breakpoint::AFTER_ACKNOWLEDGEMENT).await;
        self.outlet.publish(rows);
    }

    /// Files the message and tells whoever waits for it.
    async fn put_aside(&self, delivery: Delivery, reason: &str, ahead: &mut Ahead) {
        if !self.file(&delivery.raw, reason, ahead).await {
            return;
        }
        spans::fail(&delivery.span, "dead_letter", reason);
        // One dead letter is enough for them all.
        for twin in &delivery.twins {
            let _ = twin.raw.message.ack().await;
        }
        let fate = vec![Fate::Answered(ReplyBody::DeadLettered)];
        self.outlet.reply(&[delivery], fate, Vec::new()).await;
    }

    /// Files the message, then takes it from the stream. Until it is filed it stays there. Tells whether it is filed.
    async fn file(&self, raw: &Raw, reason: &str, ahead: &mut Ahead) -> bool {
        error!(
            target: "muster::messaging",
            subject = %raw.message.subject,
            stream_sequence = raw.stream_sequence,
            delivered = raw.delivered,
            reason,
            "a message was put aside as a dead letter"
        );
        loop {
            match self.cabinet.file(raw, reason).await {
                Ok(()) => break,
                Err(error) if error.is_transient() => self.wait_for_database(&error, ahead).await,
                Err(error) => {
                    // It must not hold up the others.
                    error!(target: "muster::messaging", error = %chain(&error), "a dead letter could not be filed");
                    let later = AckKind::Nak(Some(FILING_PAUSE));
                    let _ = raw.message.ack_with(later).await;
                    return false;
                }
            }
            if self.stop.is_cancelled() {
                ahead.give_back(raw.message.clone());
                return false;
            }
        }
        self.metrics.dead_letters(1);
        let _ = raw.message.ack_with(AckKind::Term).await;
        true
    }

    /// Waits a little. The commands at hand are kept; those that wait behind them are for other replicas.
    async fn wait_for_database(&self, error: &StorageError, ahead: &mut Ahead) {
        warn!(target: "muster::messaging", error = %chain(error), "the database is away; messages wait");
        self.health.degraded("the database is away");
        ahead.release().await;
        self.pause(DATABASE_PAUSE).await;
    }

    async fn pause(&self, duration: Duration) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(duration) => {}
        }
    }
}

fn give_back(batch: Vec<Delivery>, ahead: &mut Ahead) {
    for delivery in batch {
        for twin in delivery.twins {
            ahead.give_back(twin.raw.message);
        }
        ahead.give_back(delivery.raw.message);
    }
}

fn repetition_is_likely(delivery: &Delivery) -> bool {
    delivery.delivered() > 1 || delivery.fingerprint.is_some() || !delivery.twins.is_empty()
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
