//! Publishes the rows of the outbox: at once from memory, and by a sweep whatever was left lying.

use std::time::Duration;

use muster_platform::ComponentHealth;
use muster_storage::{
    Database, StorageError,
    outbox::{self, OutboxRecord},
};
use muster_telemetry::metrics::{OutboxMetrics, PublisherMetrics};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::{
    Broker, Environment, breakpoint, healing, marks::Marks, outbox_message::PendingRow,
    publication, topology::chain,
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

/// What a sweep is for.
#[derive(Debug, Clone, Copy)]
enum Sweep {
    /// Rows that nobody published, at least so old.
    LeftLying(Duration),
    /// Rows that the broker had and has lost, or has handed out: after every start that is the last command. No test stops there, since
    /// the service is not ready before that is done.
    Lost,
}

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

impl Publisher {
    /// Until the sender of rows is gone; then what is left is published and marked.
    pub(crate) async fn run(self, mut rows: mpsc::Receiver<PendingRow>) {
        let mut connection = self.broker.connection();
        let mut marks = Marks::new(0);
        let mut batch = Vec::with_capacity(ROWS_AT_ONCE);
        let mut sweep = interval(SWEEP_INTERVAL);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut first_sweep = true;
        loop {
            if !connection.borrow_and_update().connected {
                self.health.degraded("the broker is away");
                // Whatever is left then is found by the sweep of the next start.
                let gone = tokio::select! {
                    changed = connection.changed() => changed.is_err(),
                    () = self.stop.cancelled() => true,
                };
                if gone {
                    break;
                }
                continue;
            }
            // Before anything new is published the broker must have all that it once had.
            if marks.epoch != self.broker.epoch() || marks.went_back() {
                match self.heal().await {
                    Some(healed) => marks = healed,
                    None if self.stop.is_cancelled() && rows.is_closed() => break,
                    None => {
                        tokio::time::sleep(RETRY_PAUSE).await;
                        continue;
                    }
                }
            }
            let mark_at = marks.since.map(|since| since + MARK_INTERVAL);
            tokio::select! {
                biased;
                changed = connection.changed() => if changed.is_err() { break },
                // Before the rows, of which under load there is always another.
                _ = sweep.tick() => {
                    let age = if first_sweep { Duration::ZERO } else { SWEEP_AGE };
                    first_sweep = false;
                    self.sweep(Sweep::LeftLying(age), &mut marks).await;
                }
                count = rows.recv_many(&mut batch, ROWS_AT_ONCE) => {
                    if count == 0 {
                        break;
                    }
                    breakpoint::reached(breakpoint::BEFORE_PUBLICATION).await;
                    self.publish(&batch, &mut marks).await;
                    batch.clear();
                }
                () = until(mark_at), if mark_at.is_some() => {}
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

    /// Publishes again what the broker has lost. Returns marks for the connection over which that was found out.
    async fn heal(&self) -> Option<Marks> {
        let mut marks = Marks::new(self.broker.epoch());
        match healing::heal(&self.broker, &self.database, &self.environment).await {
            Ok(0) => {}
            Ok(rows) => {
                warn!(target: "muster::messaging", rows, "the broker has lost what it acknowledged, or may have; publishing it again");
                // Whatever its age: nothing new may come before it.
                self.sweep(Sweep::Lost, &mut marks).await;
            }
            Err(error) => {
                self.health.degraded("checking what the broker still has");
                warn!(target: "muster::messaging", error = %chain(&error), "cannot check what the broker still has");
                return None;
            }
        }
        self.health.ready();
        Some(marks)
    }

    /// Publishes the rows and notes where they went; tells whether that succeeded with all. What the broker does not take
    /// stays in the table.
    async fn publish(&self, rows: &[PendingRow], marks: &mut Marks) -> bool {
        let started = Instant::now();
        let results = publication::publish(&self.broker, rows).await;
        // Acknowledged over two connections: what came over the first may be lost already.
        let certain = self.broker.epoch() == marks.epoch;
        let now = self.environment.clock.now().as_micros();
        let mut failed = 0;
        let mut why = None;
        for (row, result) in rows.iter().zip(results) {
            match result {
                Ok(stored) => {
                    self.sent.sent(count(row), started.elapsed());
                    if certain {
                        marks.add(row, now, &stored);
                    }
                }
                Err(reason) => {
                    self.sent.failed(count(row), "broker", started.elapsed());
                    failed += 1;
                    why = Some(reason);
                }
            }
        }
        if let Some(reason) = &why {
            warn!(target: "muster::messaging", rows = failed, reason, "not published; the sweep will try again");
        }
        certain && why.is_none()
    }

    /// Publishes rows that nobody published: their process died first, or the broker was away.
    async fn sweep(&self, sweep: Sweep, marks: &mut Marks) {
        let age = match sweep {
            Sweep::LeftLying(age) => age,
            Sweep::Lost => Duration::ZERO,
        };
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
                .filter_map(decode)
                .filter(|row| !marks.contains(row))
                .collect();
            if !rows.is_empty() && matches!(sweep, Sweep::LeftLying(_)) {
                breakpoint::reached(breakpoint::BEFORE_PUBLICATION).await;
            }
            let complete = rows.is_empty() || !self.publish(&rows, marks).await;
            // At the next start there is another sweep.
            if complete || self.stop.is_cancelled() {
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

    /// Writes the marks. Where that fails they are kept: a row without its mark is published again, which is harmless.
    async fn write(&self, marks: &mut Marks) {
        if marks.waiting().is_empty() || marks.epoch != self.broker.epoch() {
            return;
        }
        match self.try_write(marks).await {
            Ok(()) => marks.written(),
            Err(error) => {
                warn!(target: "muster::messaging", error = %chain(&error), "cannot note what was published");
                marks.since = Some(Instant::now() + RETRY_PAUSE);
            }
        }
    }

    async fn try_write(&self, marks: &Marks) -> Result<(), StorageError> {
        let mut transaction = self.database.begin().await?;
        outbox::mark_published(&mut transaction, marks.waiting()).await?;
        transaction.commit().await?;
        if marks.epoch != self.broker.epoch() {
            // Another replica may already have looked what the new connection's broker has lost, and will not look again.
            healing::unmark(&self.database, marks.waiting()).await?;
        }
        Ok(())
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

fn count(row: &PendingRow) -> u64 {
    u64::try_from(row.messages.len()).unwrap_or(u64::MAX)
}
