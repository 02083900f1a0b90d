//! Publishes the rows of the outbox: at once from memory, and by a sweep whatever was left lying.

use std::{collections::HashSet, time::Duration};

use async_nats::{HeaderMap, jetstream::context::PublishAckFuture};
use futures_util::future::join_all;
use muster_contract::headers;
use muster_platform::ComponentHealth;
use muster_storage::{
    Database, StorageError,
    outbox::{self, Mark, OutboxRecord},
};
use muster_telemetry::metrics::{OutboxMetrics, PublisherMetrics};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::{
    Broker, Environment,
    healing::{self, HealingError},
    outbox_message::{OutboxMessage, PendingRow},
    spans,
    topology::chain,
};

/// Rows that may wait in memory; what does not fit is found by the sweep.
pub(crate) const QUEUE_LIMIT: usize = 1024;

/// Rows published at once.
const ROWS_AT_ONCE: usize = 64;

/// How often the sweep looks for rows left lying.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// How old a row must be for the sweep: younger ones are on their way from memory, here or in another replica.
const SWEEP_AGE: Duration = Duration::from_secs(2);

/// Rows that one sweep reads at once.
const SWEEP_PAGE: i64 = 256;

/// How long marks of what was published may wait to be written together.
const MARK_INTERVAL: Duration = Duration::from_millis(50);

/// Pause before publishing is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// The publishing half of a service.
pub(crate) struct Publisher {
    pub(crate) broker: Broker,
    pub(crate) database: Database,
    pub(crate) environment: Environment,
    pub(crate) sent: PublisherMetrics,
    pub(crate) outbox: OutboxMetrics,
    pub(crate) health: ComponentHealth,
    pub(crate) stop: CancellationToken,
}

/// What is published and not yet marked so.
#[derive(Default)]
struct Marks {
    written_next: Vec<Mark>,
    ids: HashSet<String>,
    since: Option<Instant>,
}

impl Publisher {
    /// Until the sender of rows is gone; then what is left is published and marked.
    pub(crate) async fn run(self, mut rows: mpsc::Receiver<PendingRow>) {
        let mut connection = self.broker.connection();
        let mut healed = None;
        let mut marks = Marks::default();
        let mut batch = Vec::with_capacity(ROWS_AT_ONCE);
        let mut sweep = interval(SWEEP_INTERVAL);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut first_sweep = true;
        loop {
            // Before anything new is published the broker must have all that it once had.
            let epoch = {
                let connection = connection.borrow_and_update();
                connection.connected.then_some(connection.epoch)
            };
            if epoch.is_some() && healed != epoch {
                match self.heal(&mut marks).await {
                    Ok(()) => {
                        healed = epoch;
                        self.health.ready();
                    }
                    Err(error) => {
                        self.health.degraded("checking what the broker still has");
                        warn!(target: "muster::messaging", error = %chain(&error), "cannot check what the broker still has");
                        if rows.is_closed() && self.stop.is_cancelled() {
                            return;
                        }
                        tokio::time::sleep(RETRY_PAUSE).await;
                        continue;
                    }
                }
            }
            if epoch.is_none() {
                self.health.degraded("the broker is away");
                if self.stop.is_cancelled() {
                    break;
                }
                tokio::select! {
                    _ = connection.changed() => {}
                    () = self.stop.cancelled() => {}
                }
                continue;
            }
            let mark_at = marks.since.map(|since| since + MARK_INTERVAL);
            tokio::select! {
                biased;
                _ = connection.changed() => {}
                count = rows.recv_many(&mut batch, ROWS_AT_ONCE) => {
                    if count == 0 {
                        break;
                    }
                    let rows = std::mem::take(&mut batch);
                    self.publish(rows, &mut marks).await;
                }
                () = until(mark_at), if mark_at.is_some() => {}
                _ = sweep.tick() => {
                    let age = if first_sweep { Duration::ZERO } else { SWEEP_AGE };
                    first_sweep = false;
                    self.sweep(age, &mut marks).await;
                }
            }
            if marks
                .since
                .is_some_and(|since| since.elapsed() >= MARK_INTERVAL)
            {
                self.write(&mut marks).await;
            }
        }
        self.write(&mut marks).await;
    }

    /// Publishes the rows and notes where they went. What the broker does not take stays in the table.
    async fn publish(&self, rows: Vec<PendingRow>, marks: &mut Marks) {
        let started = Instant::now();
        let sent = join_all(rows.iter().map(|row| self.send(row))).await;
        let acknowledged = join_all(sent.into_iter().map(|acknowledgements| async {
            join_all(acknowledgements?).await.into_iter().collect()
        }))
        .await;
        let now = self.environment.clock.now().as_micros();
        for (row, sequences) in rows.iter().zip(acknowledged) {
            let sequences: Result<Vec<u64>, String> = sequences;
            match sequences {
                Ok(sequences) => {
                    self.sent.sent(count(row), started.elapsed());
                    marks.add(row, now, &sequences);
                }
                Err(reason) => {
                    self.sent.failed(count(row), "broker", started.elapsed());
                    warn!(target: "muster::messaging", row = %row.id, reason, "not published; the sweep will try again");
                }
            }
        }
    }

    async fn send(
        &self,
        row: &PendingRow,
    ) -> Result<Vec<impl Future<Output = Result<u64, String>> + use<>>, String> {
        let mut acknowledgements = Vec::with_capacity(row.messages.len());
        for message in &row.messages {
            let span = spans::send_event(message);
            let future: PublishAckFuture = self
                .broker
                .jetstream()
                .publish_with_headers(
                    message.subject.clone(),
                    headers_of(message, &span),
                    message.payload.bytes().into(),
                )
                .await
                .map_err(|error| chain(&error))?;
            acknowledgements.push(async move {
                let acknowledged = future.await.map_err(|error| chain(&error))?;
                drop(span);
                Ok(acknowledged.sequence)
            });
        }
        Ok(acknowledgements)
    }

    /// Publishes rows that nobody published: their process died first, or the broker was away.
    async fn sweep(&self, age: Duration, marks: &mut Marks) {
        // Rows of this very instant belong to the first sweep too.
        let before = self.environment.clock.now().minus(age).as_micros() + 1;
        loop {
            // What is published but not marked would be found again.
            self.write(marks).await;
            let found = match outbox::unpublished(&self.database, before, SWEEP_PAGE).await {
                Ok(found) => found,
                Err(error) => {
                    warn!(target: "muster::messaging", error = %chain(&error), "the outbox cannot be read");
                    return;
                }
            };
            let rows: Vec<PendingRow> = found
                .iter()
                .filter(|record| !marks.ids.contains(&record.id))
                .filter_map(decode)
                .collect();
            if rows.is_empty() {
                break;
            }
            let wanted = marks.written_next.len() + rows.len();
            self.publish(rows, marks).await;
            if marks.written_next.len() < wanted {
                break;
            }
        }
        if let Ok((rows, oldest)) = outbox::unpublished_stats(&self.database).await {
            let now = self.environment.clock.now().as_micros();
            let age = oldest.map_or(0, |oldest| now.saturating_sub(oldest).max(0));
            let age = Duration::from_micros(u64::try_from(age).unwrap_or(0));
            self.outbox.waiting(u64::try_from(rows).unwrap_or(0), age);
        }
    }

    async fn heal(&self, marks: &mut Marks) -> Result<(), HealingError> {
        // The table must know all that was published before.
        self.write(marks).await;
        let lost = healing::lost_rows(&self.broker, &self.database).await?;
        if lost.is_empty() {
            return Ok(());
        }
        let count = lost.len();
        warn!(target: "muster::messaging", rows = count, "the broker has lost what it acknowledged; publishing it again");
        let rows: Vec<PendingRow> = lost.iter().filter_map(decode).collect();
        let wanted = marks.written_next.len() + rows.len();
        for rows in rows.chunks(ROWS_AT_ONCE) {
            self.publish(rows.to_vec(), marks).await;
        }
        let complete = marks.written_next.len() >= wanted;
        self.write(marks).await;
        if complete {
            Ok(())
        } else {
            Err(HealingError::Incomplete)
        }
    }

    /// Writes the marks. Where that fails they are kept: a row without its mark is published again, which is harmless.
    async fn write(&self, marks: &mut Marks) {
        if marks.written_next.is_empty() {
            return;
        }
        match self.try_write(&marks.written_next).await {
            Ok(()) => *marks = Marks::default(),
            Err(error) => {
                warn!(target: "muster::messaging", error = %chain(&error), "cannot note what was published");
                marks.since = Some(Instant::now() + RETRY_PAUSE);
            }
        }
    }

    async fn try_write(&self, marks: &[Mark]) -> Result<(), StorageError> {
        let mut transaction = self.database.begin().await?;
        outbox::mark_published(&mut transaction, marks).await?;
        transaction.commit().await
    }
}

impl Marks {
    fn add(&mut self, row: &PendingRow, now: i64, sequences: &[u64]) {
        let number = |sequence: Option<&u64>| {
            i64::try_from(sequence.copied().unwrap_or_default()).unwrap_or(i64::MAX)
        };
        let id = row.id.to_string();
        // Published twice (by healing and by the sweep): the later place counts.
        if !self.ids.insert(id.clone()) {
            self.written_next.retain(|mark| mark.id != id);
        }
        self.written_next.push(Mark {
            id,
            published_at: now,
            first_sequence: number(sequences.iter().min()),
            last_sequence: number(sequences.iter().max()),
        });
        self.since.get_or_insert_with(Instant::now);
    }
}

async fn until(instant: Option<Instant>) {
    if let Some(instant) = instant {
        tokio::time::sleep_until(instant).await;
    }
}

fn decode(record: &OutboxRecord) -> Option<PendingRow> {
    let decoded = record.id.parse().map_err(|_| ()).and_then(|id| {
        let messages = serde_json::from_str(&record.messages).map_err(|_| ())?;
        Ok(PendingRow {
            id,
            stream: record.stream.clone(),
            messages,
        })
    });
    if decoded.is_err() {
        error!(target: "muster::messaging", row = record.id, "an outbox row that cannot be read");
    }
    decoded.ok()
}

fn headers_of(message: &OutboxMessage, span: &tracing::Span) -> HeaderMap {
    let mut map = HeaderMap::new();
    let id = message.id.to_string();
    for (name, value) in &message.headers {
        map.insert(name.as_str(), value.as_str());
    }
    if message.header(headers::MESSAGE_ID).is_none() {
        map.insert(headers::MESSAGE_ID, id.as_str());
    }
    map.insert(headers::BROKER_MESSAGE_ID, id.as_str());
    spans::inject(span, &mut map);
    map
}

fn count(row: &PendingRow) -> u64 {
    u64::try_from(row.messages.len()).unwrap_or(u64::MAX)
}
