//! Work that is due by time.

use std::{sync::Arc, time::Duration};

use muster_platform::ComponentHealth;
use muster_telemetry::metrics::PeriodicMetrics;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::{
    Context,
    batch::{BatchError, caught, finished},
    erased::ErasedPeriodic,
    ledger::{Consequences, Ledger},
    outlet::Outlet,
    topology::chain,
};

/// Shortest time between two runs.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);

/// Pause before a run is tried again that could not be made.
const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// What a service does again and again.
pub(crate) struct PeriodicWork {
    pub(crate) name: &'static str,
    pub(crate) interval: Duration,
    pub(crate) handler: Arc<dyn ErasedPeriodic>,
}

/// Does one such work.
pub(crate) struct PeriodicTask {
    pub(crate) work: PeriodicWork,
    pub(crate) ledger: Ledger,
    pub(crate) outlet: Outlet,
    pub(crate) metrics: PeriodicMetrics,
    pub(crate) health: ComponentHealth,
    pub(crate) stop: CancellationToken,
}

/// What comes after a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The next one, at its time.
    InTime,
    /// At once: there is more.
    AtOnce,
    /// Soon: it could not be made, for reasons that pass.
    Soon,
}

impl PeriodicTask {
    /// Until it is told to stop.
    pub(crate) async fn run(self) {
        let mut ticks = interval(self.work.interval.max(SHORTEST_INTERVAL));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.health.ready();
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            while !self.stop.is_cancelled() {
                match self.once().await {
                    Next::InTime => break,
                    Next::AtOnce => {}
                    Next::Soon => self.pause().await,
                }
            }
        }
    }

    async fn once(&self) -> Next {
        // Without a trace: most runs find nothing to do. What one sends begins a trace of its own.
        let cause = Context::of_its_own(&self.ledger.environment);
        let started = Instant::now();
        let result = self.attempt(&cause).await;
        let error = result.as_ref().err().map(BatchError::kind);
        self.metrics.ran(error, started.elapsed());
        match result {
            Ok((more, consequences)) => {
                self.health.ready();
                self.outlet.tell(consequences).await;
                if more { Next::AtOnce } else { Next::InTime }
            }
            Err(BatchError::Conflict) => Next::Soon,
            Err(BatchError::Unavailable(error)) => {
                warn!(target: "muster::messaging", work = self.work.name, error = %chain(&error), "the database is away; periodic work waits");
                self.health.degraded("the database is away");
                Next::Soon
            }
            Err(BatchError::Failed(reason) | BatchError::Malformed(_, reason)) => {
                error!(target: "muster::messaging", work = self.work.name, reason, "periodic work failed; it is tried again in time");
                self.health.degraded(reason);
                Next::InTime
            }
        }
    }

    async fn attempt(&self, cause: &Context) -> Result<(bool, Consequences), BatchError> {
        let mut transaction = self.ledger.begin().await?;
        let mut effects = self.ledger.effects();
        let work = async {
            let more = self
                .work
                .handler
                .run(&mut transaction, cause, &mut effects)
                .await?;
            let consequences = self.ledger.conclude(&mut transaction, effects).await?;
            Ok((more, consequences))
        };
        let result = caught(work).await;
        finished(transaction, result).await
    }

    async fn pause(&self) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(RETRY_PAUSE) => {}
        }
    }
}
