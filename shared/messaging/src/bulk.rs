//! Takes what comes in bulk: metric samples, of which each is worth little and all are many. Nobody waits for an outcome and the
//! same twice is once in effect, so there are no inbox rows, and what comes within a moment is stored together.

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::{self, AckKind, consumer::PullConsumer};
use bytes::Bytes;
use futures_util::StreamExt as _;
use muster_contract::{headers, producers::METRIC_STREAM};
use muster_platform::ComponentHealth;
use muster_storage::{StorageError, Transaction};
use muster_telemetry::metrics::ConsumerMetrics;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::{
    Broker, HandlerError,
    batch::{BatchError, caught, finished},
    dead_letters::Cabinet,
    delivery::Raw,
    header_map,
    ledger::Ledger,
    source::Source,
    topology::chain,
};

/// Messages that are stored together, at most.
const BATCH_LIMIT: usize = 1_024;

/// Bytes of them after which no more are waited for.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// How long after the first others are waited for.
const GATHERING: Duration = Duration::from_millis(250);

/// Pause before the database or the consumer is tried again.
const PAUSE: Duration = Duration::from_millis(250);

/// How often a batch is tried again because another transaction was in the way.
const CONFLICT_LIMIT: u32 = 16;

/// How long one request for messages stands at the broker, and how often it says that it knows it.
const PULL_EXPIRY: Duration = Duration::from_secs(30);
const PULL_HEARTBEAT: Duration = Duration::from_secs(5);

/// A message that came in bulk.
#[derive(Debug, Clone)]
pub struct BulkMessage {
    /// Its body.
    pub payload: Bytes,
    /// The cluster of samples that name none, if whoever sent them said so.
    pub default_cluster: Option<String>,
}

/// Takes what comes in bulk.
pub trait TakeBulk: Send + Sync + 'static {
    /// What the messages of a batch come to.
    type Prepared: Send + Sync + 'static;

    /// Reads the messages, before there is a transaction. It may take its time, on a thread of its own.
    fn prepare(&self, messages: &[BulkMessage]) -> Self::Prepared;

    /// Stores it. It may have been stored before, if the service was killed then.
    fn store(
        &self,
        transaction: &mut Transaction,
        prepared: &Self::Prepared,
    ) -> impl Future<Output = Result<(), HandlerError>> + Send;
}

/// The consuming half.
pub(crate) struct BulkTask<H> {
    pub(crate) handler: Arc<H>,
    pub(crate) source: Source,
    pub(crate) broker: Broker,
    pub(crate) ledger: Ledger,
    pub(crate) cabinet: Cabinet,
    pub(crate) metrics: ConsumerMetrics,
    pub(crate) health: ComponentHealth,
    pub(crate) stop: CancellationToken,
}

impl<H: TakeBulk> BulkTask<H> {
    /// Until it is told to stop.
    pub(crate) async fn run(self) {
        while !self.stop.is_cancelled() {
            match self.messages().await {
                Ok(messages) => {
                    self.health.ready();
                    self.take(messages).await;
                }
                Err(error) => self.health.down(format!("no metric samples: {error}")),
            }
            self.pause().await;
        }
    }

    async fn messages(&self) -> Result<jetstream::consumer::pull::Stream, String> {
        let consumer: PullConsumer = self
            .broker
            .jetstream()
            .get_consumer_from_stream(self.source.consumer, METRIC_STREAM)
            .await
            .map_err(|error| chain(&error))?;
        consumer
            .stream()
            .max_messages_per_batch(BATCH_LIMIT)
            .expires(PULL_EXPIRY)
            .heartbeat(PULL_HEARTBEAT)
            .messages()
            .await
            .map_err(|error| chain(&error))
    }

    /// Takes messages until there is a reason to ask for them anew.
    async fn take(&self, mut messages: jetstream::consumer::pull::Stream) {
        loop {
            let first = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                first = messages.next() => first,
            };
            let Some(first) = first else { return };
            let mut batch = Vec::new();
            let mut bytes = 0;
            let mut next = Some(first);
            let until = Instant::now() + GATHERING;
            let mut broken = false;
            while let Some(message) = next.take() {
                match message {
                    Ok(message) => {
                        bytes += message.payload.len();
                        batch.push(message);
                    }
                    Err(error) => {
                        warn!(target: "muster::messaging", error = %chain(&error), "asking for metric samples anew");
                        broken = true;
                        break;
                    }
                }
                if batch.len() < BATCH_LIMIT && bytes < BATCH_BYTES {
                    next = tokio::time::timeout_at(until, messages.next())
                        .await
                        .unwrap_or_default();
                }
            }
            self.settle(batch).await;
            if broken {
                return;
            }
        }
    }

    async fn settle(&self, batch: Vec<jetstream::Message>) {
        if batch.is_empty() {
            return;
        }
        let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        self.metrics.consumed(count);
        let started = Instant::now();
        if let Err(reason) = self.attempt(&batch).await {
            if self.stop.is_cancelled() {
                // Unacknowledged they come again.
                return;
            }
            warn!(target: "muster::messaging", size = batch.len(), reason, "a batch of metric samples failed; trying one message at a time");
            for message in batch {
                let alone = vec![message];
                match self.attempt(&alone).await {
                    Ok(()) => acknowledge(alone).await,
                    Err(reason) => self.put_aside(alone, &reason).await,
                }
            }
        } else {
            acknowledge(batch).await;
        }
        self.metrics.processed(count, started.elapsed());
    }

    /// Stores the messages, however long the database is away.
    async fn attempt(&self, batch: &[jetstream::Message]) -> Result<(), String> {
        let messages: Vec<BulkMessage> = batch.iter().map(read).collect();
        let handler = self.handler.clone();
        let prepared = tokio::task::spawn_blocking(move || handler.prepare(&messages))
            .await
            .map_err(|error| error.to_string())?;
        let mut conflicts = 0;
        loop {
            match self.store(&prepared).await {
                Ok(()) => return Ok(()),
                Err(BatchError::Unavailable(error)) => {
                    warn!(target: "muster::messaging", error = %chain(&error), "the database is away; metric samples wait");
                    self.health.degraded("the database is away");
                    for message in batch {
                        let _ = message.ack_with(AckKind::Progress).await;
                    }
                    self.pause().await;
                    self.health.ready();
                }
                Err(BatchError::Conflict) if conflicts < CONFLICT_LIMIT => conflicts += 1,
                Err(BatchError::Conflict) => {
                    return Err("other transactions were always in the way".to_owned());
                }
                Err(BatchError::Failed(reason) | BatchError::Malformed(_, reason)) => {
                    return Err(reason);
                }
            }
            if self.stop.is_cancelled() {
                return Err("the service stops".to_owned());
            }
        }
    }

    async fn store(&self, prepared: &H::Prepared) -> Result<(), BatchError> {
        let mut transaction = self.ledger.begin().await?;
        let attempt = async {
            let stored = self.handler.store(&mut transaction, prepared).await;
            stored.map_err(BatchError::from)
        };
        let stored = caught(attempt).await;
        finished(transaction, stored).await
    }

    async fn put_aside(&self, messages: Vec<jetstream::Message>, reason: &str) {
        for message in messages {
            if self.stop.is_cancelled() {
                return;
            }
            error!(target: "muster::messaging", reason, "metric samples were put aside as a dead letter");
            let Ok(raw) = Raw::of(message, &self.source) else {
                continue;
            };
            let filed: Result<(), StorageError> = self.cabinet.file(&raw, reason).await;
            if filed.is_ok() {
                self.metrics.dead_letters(1);
                let _ = raw.message.ack_with(AckKind::Term).await;
            }
        }
    }

    async fn pause(&self) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

fn read(message: &jetstream::Message) -> BulkMessage {
    let headers = message.headers.as_ref();
    BulkMessage {
        payload: message.payload.clone(),
        default_cluster: headers
            .and_then(|map| header_map::get(map, headers::DEFAULT_CLUSTER))
            .map(str::to_owned),
    }
}

async fn acknowledge(batch: Vec<jetstream::Message>) {
    for message in batch {
        // Unacknowledged it comes again, and changes nothing.
        let _ = message.ack().await;
    }
}
