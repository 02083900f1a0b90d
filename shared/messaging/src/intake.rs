//! Takes commands from the stream and sees each through to its end: carried out and acknowledged, or put aside.

use std::{collections::HashMap, time::Duration};

use async_nats::jetstream::{self, AckKind, consumer::pull};
use futures_util::StreamExt;
use muster_contract::{Reply, ReplyBody, Service};
use muster_platform::ComponentHealth;
use muster_storage::StorageError;
use muster_telemetry::metrics::ConsumerMetrics;
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::{
    Broker, Environment,
    batch::{BatchError, BatchRunner, Settled},
    breakpoint,
    dead_letters::Cabinet,
    delivery::{Delivery, Raw},
    outbox_message::PendingRow,
    topology::chain,
};

/// A command that was delivered so often without coming to an end has brought the service down each time.
const DELIVERY_LIMIT: i64 = 8;

/// How often a batch is tried again at once because another transaction was in the way.
const CONFLICT_LIMIT: u32 = 16;

/// Pause before the database is tried again.
const DATABASE_PAUSE: Duration = Duration::from_millis(250);

/// Pause before the consumer is looked up again.
const CONSUMER_PAUSE: Duration = Duration::from_millis(200);

/// Messages that one replica holds ahead.
const AHEAD: usize = 256;

/// How long one request for messages stands at the broker.
const PULL_EXPIRY: Duration = Duration::from_secs(30);

/// How often the broker says that it still knows our request.
const PULL_HEARTBEAT: Duration = Duration::from_secs(5);

/// The consuming half of a service.
pub(crate) struct Intake {
    pub(crate) service: Service,
    pub(crate) broker: Broker,
    pub(crate) environment: Environment,
    pub(crate) runner: BatchRunner,
    pub(crate) cabinet: Cabinet,
    pub(crate) publisher: mpsc::Sender<PendingRow>,
    pub(crate) metrics: ConsumerMetrics,
    pub(crate) health: ComponentHealth,
    pub(crate) batch_limit: usize,
    pub(crate) stop: CancellationToken,
}

impl Intake {
    /// Until it is told to stop.
    pub(crate) async fn run(self) {
        while !self.stop.is_cancelled() {
            match self.messages().await {
                Ok(messages) => {
                    self.health.ready();
                    self.take(messages).await;
                }
                Err(error) => {
                    self.health.down(format!("no commands: {error}"));
                    self.pause(CONSUMER_PAUSE).await;
                }
            }
        }
    }

    async fn messages(&self) -> Result<pull::Stream, String> {
        let consumer: jetstream::consumer::Consumer<pull::Config> = self
            .broker
            .jetstream()
            .get_consumer_from_stream(self.service.name(), self.service.command_stream())
            .await
            .map_err(|error| chain(&error))?;
        consumer
            .stream()
            .max_messages_per_batch(AHEAD)
            .expires(PULL_EXPIRY)
            .heartbeat(PULL_HEARTBEAT)
            .messages()
            .await
            .map_err(|error| chain(&error))
    }

    async fn take(&self, messages: pull::Stream) {
        // No lingering: a batch is what has arrived.
        let mut batches = messages.ready_chunks(self.batch_limit);
        loop {
            let batch = tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                batch = batches.next() => batch,
            };
            let Some(batch) = batch else { return };
            let mut taken = Vec::with_capacity(batch.len());
            let mut broken = false;
            for message in batch {
                match message {
                    Ok(message) => taken.push(message),
                    Err(error) => {
                        warn!(target: "muster::messaging", error = %chain(&error), "asking for commands anew");
                        broken = true;
                    }
                }
            }
            self.see_through(taken).await;
            if broken {
                self.pause(CONSUMER_PAUSE).await;
                return;
            }
        }
        // What was fetched ahead is for another replica, or for us when we are back.
        while let Some(Some(batch)) = futures_util::FutureExt::now_or_never(batches.next()) {
            for message in batch.into_iter().flatten() {
                let _ = message.ack_with(AckKind::Nak(None)).await;
            }
        }
    }

    /// Sees a batch of messages through.
    async fn see_through(&self, messages: Vec<jetstream::Message>) {
        self.metrics.consumed(count(messages.len()));
        let now = self.environment.clock.now();
        let mut deliveries: Vec<Delivery> = Vec::with_capacity(messages.len());
        let mut places = HashMap::with_capacity(messages.len());
        for message in messages {
            let raw = match Raw::of(message) {
                Ok(raw) => raw,
                Err(error) => {
                    error!(target: "muster::messaging", %error, "a message that does not come from a stream");
                    continue;
                }
            };
            match Delivery::read(raw, now) {
                Err(unreadable) => {
                    self.put_aside_raw(&unreadable.raw, &unreadable.reason)
                        .await;
                }
                Ok(delivery) if delivery.raw.delivered > DELIVERY_LIMIT => {
                    let reason = "it was delivered over and over without coming to an end";
                    self.put_aside(delivery, reason).await;
                }
                Ok(delivery) => {
                    let place = *places
                        .entry(delivery.context.id())
                        .or_insert(deliveries.len());
                    match deliveries.get_mut(place) {
                        Some(first) => first.twins.push_back(delivery),
                        None => deliveries.push(delivery),
                    }
                }
            }
        }
        let started = Instant::now();
        let size = deliveries.len();
        if size > 0 {
            self.settle(deliveries).await;
            self.metrics.processed(count(size), started.elapsed());
        }
    }

    /// Runs the batch until each of its commands is carried out or put aside, or we are told to stop.
    async fn settle(&self, mut batch: Vec<Delivery>) {
        let mut ask_inbox = batch.iter().any(repetition_is_likely);
        let mut conflicts = 0;
        while !batch.is_empty() && !self.stop.is_cancelled() {
            match self.runner.run(&batch, ask_inbox).await {
                Ok(settled) => return self.finish(batch, settled).await,
                Err(BatchError::Unavailable(error)) => self.wait_for_database(&batch, &error).await,
                Err(BatchError::Conflict) if conflicts < CONFLICT_LIMIT => {
                    conflicts += 1;
                }
                Err(BatchError::Conflict) => {
                    return self
                        .one_by_one(batch, "other transactions were always in the way")
                        .await;
                }
                Err(BatchError::Malformed(place, reason)) => {
                    let delivery = batch.remove(place.min(batch.len() - 1));
                    self.put_aside(delivery, &reason).await;
                }
                Err(BatchError::Failed(reason)) => return self.one_by_one(batch, &reason).await,
            }
            ask_inbox = true;
        }
    }

    /// Each command in a transaction of its own; the one that fails again is put aside.
    async fn one_by_one(&self, batch: Vec<Delivery>, reason: &str) {
        warn!(target: "muster::messaging", size = batch.len(), reason, "a batch failed; trying one command at a time");
        for delivery in batch {
            let mut alone = vec![delivery];
            let mut conflicts = 0;
            let failure = loop {
                if self.stop.is_cancelled() {
                    return;
                }
                match self.runner.run(&alone, true).await {
                    Ok(settled) => {
                        self.finish(std::mem::take(&mut alone), settled).await;
                        break None;
                    }
                    Err(BatchError::Unavailable(error)) => {
                        self.wait_for_database(&alone, &error).await;
                    }
                    Err(BatchError::Conflict) if conflicts < CONFLICT_LIMIT => conflicts += 1,
                    Err(BatchError::Conflict) => {
                        break Some("other transactions were always in the way".to_owned());
                    }
                    Err(BatchError::Malformed(_, reason) | BatchError::Failed(reason)) => {
                        break Some(reason);
                    }
                }
            };
            if let (Some(reason), Some(delivery)) = (failure, alone.pop()) {
                self.put_aside(delivery, &reason).await;
            }
        }
    }

    /// After the commit: reply, publish, acknowledge. Whatever of it is lost is made up for: a lost reply and a lost
    /// acknowledgement by the next delivery, a lost publication by the sweep of the outbox.
    async fn finish(&self, batch: Vec<Delivery>, settled: Settled) {
        let Settled {
            replies,
            rows,
            duplicates,
        } = settled;
        self.metrics.duplicates(count(duplicates));
        self.reply(&batch, replies).await;
        breakpoint::reached(breakpoint::AFTER_COMMIT);
        for delivery in batch.iter().flat_map(with_twins) {
            // Unacknowledged it comes again, and the inbox knows it.
            let _ = delivery.raw.message.ack().await;
        }
        breakpoint::reached(breakpoint::AFTER_ACKNOWLEDGEMENT);
        for row in rows {
            // A full queue is no loss either: the sweep finds the row.
            let _ = self.publisher.try_send(row);
        }
    }

    /// One message for all replies to one address.
    async fn reply(&self, batch: &[Delivery], replies: Vec<ReplyBody>) {
        let mut by_address: HashMap<&str, Vec<Reply>> = HashMap::new();
        for (delivery, body) in batch.iter().zip(replies) {
            for asked in with_twins(delivery) {
                let Some(address) = asked.reply_to.as_deref() else {
                    continue;
                };
                // A twin with another fingerprint is another request under the same Idempotency-Key.
                let same = asked.fingerprint == delivery.fingerprint;
                by_address.entry(address).or_default().push(Reply {
                    id: asked.context.id(),
                    fingerprint: asked.fingerprint.clone(),
                    body: if same {
                        body.clone()
                    } else {
                        ReplyBody::KeyReused
                    },
                });
            }
        }
        for (address, replies) in by_address {
            self.send_replies(address, &replies).await;
        }
    }

    async fn send_replies(&self, address: &str, replies: &[Reply]) {
        let payload = match serde_json::to_vec(replies) {
            Ok(payload) => payload,
            Err(error) => {
                error!(target: "muster::messaging", %error, "replies that cannot be encoded");
                return;
            }
        };
        // Together they may be too long for one message; each of them fits, as its command did.
        if payload.len() > self.broker.payload_limit() && replies.len() > 1 {
            let (left, right) = replies.split_at(replies.len() / 2);
            Box::pin(self.send_replies(address, left)).await;
            Box::pin(self.send_replies(address, right)).await;
            return;
        }
        let sent = self
            .broker
            .client()
            .publish(address.to_owned(), payload.into())
            .await;
        if let Err(error) = sent {
            warn!(target: "muster::messaging", %error, "replies could not be sent");
        }
    }

    async fn put_aside(&self, delivery: Delivery, reason: &str) {
        for delivery in with_twins(&delivery) {
            self.put_aside_raw(&delivery.raw, reason).await;
        }
        let replies = vec![ReplyBody::DeadLettered];
        self.reply(std::slice::from_ref(&delivery), replies).await;
    }

    /// Files the message, then takes it from the stream. Until it is filed it stays there.
    async fn put_aside_raw(&self, raw: &Raw, reason: &str) {
        error!(
            target: "muster::messaging",
            subject = %raw.message.subject,
            stream_sequence = raw.stream_sequence,
            delivered = raw.delivered,
            reason,
            "a message was put aside as a dead letter"
        );
        while let Err(error) = self.cabinet.file(raw, reason).await {
            error!(target: "muster::messaging", error = %chain(&error), "a dead letter could not be filed");
            let _ = raw.message.ack_with(AckKind::Progress).await;
            if self.stop.is_cancelled() {
                return;
            }
            self.pause(DATABASE_PAUSE).await;
        }
        self.metrics.dead_letters(1);
        let _ = raw.message.ack_with(AckKind::Term).await;
    }

    /// Keeps the batch: its messages are not delivered elsewhere meanwhile.
    async fn wait_for_database(&self, batch: &[Delivery], error: &StorageError) {
        warn!(target: "muster::messaging", error = %chain(error), "the database is away; commands wait");
        self.health.degraded("the database is away");
        for delivery in batch.iter().flat_map(with_twins) {
            let _ = delivery.raw.message.ack_with(AckKind::Progress).await;
        }
        self.pause(DATABASE_PAUSE).await;
        self.health.ready();
    }

    async fn pause(&self, duration: Duration) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(duration) => {}
        }
    }
}

fn repetition_is_likely(delivery: &Delivery) -> bool {
    delivery.raw.delivered > 1 || delivery.fingerprint.is_some() || !delivery.twins.is_empty()
}

fn with_twins(delivery: &Delivery) -> impl Iterator<Item = &Delivery> {
    std::iter::once(delivery).chain(&delivery.twins)
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
