//! Reads levels now and then: what waits in the broker and among the dead letters, and what the service has of its own.

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::{consumer::PullConsumer, stream::Info};
use muster_contract::{
    Service,
    table::{Kind, entries},
    topology::ORDER_STREAM,
};
use muster_storage::{Database, StorageError, dead_letters};
use muster_telemetry::{
    metrics::{LevelMetrics, Reading},
    names::{self, metric},
};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::{Broker, Environment, erased::ErasedMeasure, source::Source, topology::chain};

/// How often. A scrape of Prometheus comes every fifteen seconds as a rule.
const INTERVAL: Duration = Duration::from_secs(5);

/// Reads the levels of one service.
pub(crate) struct Measuring {
    pub(crate) service: Service,
    pub(crate) broker: Broker,
    pub(crate) database: Database,
    pub(crate) environment: Environment,
    pub(crate) levels: LevelMetrics,
    /// What the service takes from.
    pub(crate) sources: Vec<Source>,
    /// What the service measures itself.
    pub(crate) own: Vec<Arc<dyn ErasedMeasure>>,
    pub(crate) stop: CancellationToken,
}

/// What a consumer has before it.
#[derive(Debug, Clone, Copy, Default)]
struct Backlog {
    pending: u64,
    unacknowledged: u64,
    redelivered: u64,
}

impl Measuring {
    /// Until it is told to stop.
    pub(crate) async fn run(self) {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            if let Err(error) = self.tables().await {
                warn!(target: "muster::messaging", error = %chain(&error), "levels cannot be read");
            }
            if self.broker.is_connected()
                && let Err(reason) = self.streams().await
            {
                // The broker is away, or on its way: that is told elsewhere.
                debug!(target: "muster::messaging", reason, "what waits in the broker cannot be read");
            }
        }
    }

    async fn tables(&self) -> Result<(), StorageError> {
        let waiting = dead_letters::count(&self.database).await?;
        let labels = [(names::MUSTER_PART, self.service.name())];
        self.levels.set(
            metric::MUSTER_DEAD_LETTERS_WAITING,
            vec![Reading::new(labels, float(waiting))],
        );
        let now = self.environment.clock.now();
        for own in &self.own {
            own.measure(&self.levels, now).await?;
        }
        Ok(())
    }

    async fn streams(&self) -> Result<(), String> {
        let work_queue = self.service.command_stream();
        // Before its consumer: what is taken in between must not look stuck for longer than a moment.
        let stored = self.stored(work_queue).await?;
        let mut streams = vec![of_stream(work_queue, stored)];
        let gives_orders =
            entries(Kind::Order).any(|order| order.producers.contains(&self.service.part()));
        if gives_orders {
            streams.push(of_stream(ORDER_STREAM, self.stored(ORDER_STREAM).await?));
        }
        let mut pending = Vec::new();
        let mut unacknowledged = Vec::new();
        let mut redelivered = Vec::new();
        let mut stuck = Vec::new();
        for source in &self.sources {
            let backlog = self.backlog(source).await?;
            let reading = |value: u64| of_consumer(source, value);
            pending.push(reading(backlog.pending));
            unacknowledged.push(reading(backlog.unacknowledged));
            redelivered.push(reading(backlog.redelivered));
            if source.stream == work_queue {
                let accounted_for = backlog.pending + backlog.unacknowledged;
                stuck.push(of_stream(work_queue, stored.saturating_sub(accounted_for)));
            }
        }
        self.levels.set(metric::MUSTER_STREAM_MESSAGES, streams);
        self.levels.set(metric::MUSTER_CONSUMER_PENDING, pending);
        self.levels
            .set(metric::MUSTER_CONSUMER_UNACKNOWLEDGED, unacknowledged);
        self.levels
            .set(metric::MUSTER_CONSUMER_REDELIVERED, redelivered);
        self.levels.set(metric::MUSTER_MESSAGES_STUCK, stuck);
        Ok(())
    }

    async fn stored(&self, stream: &str) -> Result<u64, String> {
        let found = self.broker.jetstream().get_stream(stream).await;
        let found = found.map_err(|error| chain(&error))?;
        let info: &Info = found.cached_info();
        Ok(info.state.messages)
    }

    async fn backlog(&self, source: &Source) -> Result<Backlog, String> {
        let consumer: PullConsumer = self
            .broker
            .jetstream()
            .get_consumer_from_stream(source.consumer, source.stream)
            .await
            .map_err(|error| chain(&error))?;
        let info = consumer.cached_info();
        Ok(Backlog {
            pending: info.num_pending,
            unacknowledged: u64::try_from(info.num_ack_pending).unwrap_or(u64::MAX),
            redelivered: u64::try_from(info.num_redelivered).unwrap_or(u64::MAX),
        })
    }
}

fn of_stream(stream: &str, messages: u64) -> Reading {
    Reading::new(
        [(names::MESSAGING_DESTINATION_NAME, stream)],
        float(i64::try_from(messages).unwrap_or(i64::MAX)),
    )
}

fn of_consumer(source: &Source, messages: u64) -> Reading {
    let labels = [
        (names::MESSAGING_DESTINATION_NAME, source.stream),
        (names::MESSAGING_CONSUMER_GROUP_NAME, source.consumer),
    ];
    Reading::new(labels, float(i64::try_from(messages).unwrap_or(i64::MAX)))
}

/// A count as metrics have it: exact up to 2^53.
fn float(count: i64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts are far below, and a level may be off by one beyond 2^53"
    )]
    {
        count as f64
    }
}
