//! Hears what agents say of themselves, over core NATS: what is missed is missed, and what matters is said again.
//!
//! A transaction for each signal would cost a commit for each: so what comes within some time is heard together, in one.

mod backlog;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_nats::{Message, Subscriber};
use futures_util::StreamExt as _;
use muster_contract::{Service, headers, subject};
use muster_platform::ComponentHealth;
use muster_telemetry::metrics::ConsumerMetrics;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use self::backlog::Backlog;
use crate::{
    Broker, BrokerError, Context,
    batch::{BatchError, caught, finished},
    erased::{EncodedSignal, ErasedHearing, Unintelligible},
    header_map,
    ledger::{Consequences, Ledger},
    outlet::Outlet,
    topology::chain,
};

/// Signals that are heard together, at most.
const BATCH_LIMIT: usize = 1_000;

/// From the beginning of one batch to that of the next, unless that one is full already.
const INTERVAL: Duration = Duration::from_millis(500);

/// Bytes that the body of one signal may have; a longer one is dropped. The longest is the usage of 500 containers.
const SIGNAL_LIMIT: usize = 512 * 1024;

/// Tries that may fail of one batch: enough to find some signals among all of it that cannot be heard.
const TRIES: usize = 64;

/// Whoever hears the signals of one kind.
pub(crate) struct Hearing {
    pub(crate) name: &'static str,
    pub(crate) schema: String,
    pub(crate) handler: Arc<dyn ErasedHearing>,
}

impl Hearing {
    /// Begins to listen. The replicas of the service share what is said.
    pub(crate) async fn listen(
        self,
        broker: &Broker,
        service: Service,
    ) -> Result<Ear, BrokerError> {
        let subject = subject::signal_of_any_agent(self.name);
        let said = broker
            .client()
            .queue_subscribe(subject.clone(), service.name().to_owned())
            .await
            .map_err(|source| BrokerError::Subscribe {
                subject: subject.clone(),
                source,
            })?;
        Ok(Ear {
            hearing: self,
            subject,
            said,
        })
    }
}

/// A [`Hearing`] that listens.
pub(crate) struct Ear {
    pub(crate) hearing: Hearing,
    /// Where the signals are, with `*` for the agent.
    pub(crate) subject: String,
    said: Subscriber,
}

/// Hears the signals of one kind.
pub(crate) struct SignalTask {
    pub(crate) ear: Ear,
    pub(crate) ledger: Ledger,
    pub(crate) outlet: Outlet,
    pub(crate) metrics: ConsumerMetrics,
    pub(crate) health: ComponentHealth,
    pub(crate) stop: CancellationToken,
}

/// What was said and not heard yet, and the sign that there is something.
#[derive(Default)]
struct Waiting {
    backlog: Mutex<Backlog>,
    arrived: Notify,
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, Backlog> {
        // It is never left half changed, so a panic elsewhere does not spoil it.
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SignalTask {
    /// Until it is told to stop. What is not heard then somebody else hears when it is said again.
    pub(crate) async fn run(self) {
        self.health.ready();
        let Self {
            ear,
            ledger,
            outlet,
            metrics,
            health,
            stop,
        } = self;
        let Ear { hearing, said, .. } = ear;
        let waiting = Waiting::default();
        let listener = Listener {
            schema: &hearing.schema,
            ledger: &ledger,
            metrics: &metrics,
            waiting: &waiting,
        };
        let hearer = Hearer {
            hearing: &hearing,
            ledger: &ledger,
            outlet: &outlet,
            metrics: &metrics,
            health: &health,
            waiting: &waiting,
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = listener.run(said) => {
                // The connection was closed. Where we are to stop nobody minds any more.
                health.down("nothing can be heard of agents any more");
            }
            () = hearer.run() => {}
        }
    }
}

/// Takes what is said, as fast as it comes.
struct Listener<'a> {
    schema: &'a str,
    ledger: &'a Ledger,
    metrics: &'a ConsumerMetrics,
    waiting: &'a Waiting,
}

impl Listener<'_> {
    async fn run(&self, mut said: Subscriber) {
        while let Some(message) = said.next().await {
            self.metrics.consumed(1);
            let dropped = match self.read(&message) {
                Ok(signal) => self.waiting.lock().push(signal),
                Err(reason) => {
                    warn!(target: "muster::messaging", subject = %message.subject, reason, "a signal is not heard");
                    1
                }
            };
            if dropped > 0 {
                self.metrics.dropped(dropped);
            }
            self.waiting.arrived.notify_one();
        }
    }

    fn read(&self, message: &Message) -> Result<EncodedSignal, String> {
        let agent = subject::signalling_agent(&message.subject)
            .ok_or_else(|| "its subject is none of a signal".to_owned())?;
        let schema = message
            .headers
            .as_ref()
            .and_then(|headers| header_map::get(headers, headers::SCHEMA));
        if let Some(other) = schema.filter(|schema| *schema != self.schema) {
            return Err(format!("it is of the kind {other}"));
        }
        if message.payload.len() > SIGNAL_LIMIT {
            return Err(format!("it is longer than {SIGNAL_LIMIT} bytes"));
        }
        Ok(EncodedSignal {
            agent,
            // A copy, so that what was read together with it is not kept as long.
            payload: bytes::Bytes::copy_from_slice(&message.payload),
            at: self.ledger.environment.clock.now(),
        })
    }
}

/// Hands on what was said, batch by batch.
struct Hearer<'a> {
    hearing: &'a Hearing,
    ledger: &'a Ledger,
    outlet: &'a Outlet,
    metrics: &'a ConsumerMetrics,
    health: &'a ComponentHealth,
    waiting: &'a Waiting,
}

impl Hearer<'_> {
    async fn run(&self) {
        loop {
            let begun = Instant::now();
            let batch = self.waiting.lock().take(BATCH_LIMIT);
            if batch.is_empty() {
                self.waiting.arrived.notified().await;
                continue;
            }
            self.hear(&batch).await;
            if self.waiting.lock().len() < BATCH_LIMIT {
                tokio::time::sleep_until(begun + INTERVAL).await;
            }
        }
    }

    /// Hears them together. Where that fails they are heard in ever smaller sets, so that what one agent says does not keep the
    /// others from being heard.
    async fn hear(&self, batch: &[EncodedSignal]) {
        let mut sets = vec![batch];
        let mut tries = TRIES;
        let mut failure = None;
        while let Some(set) = sets.pop() {
            let Err(error) = self.hear_together(set).await else {
                continue;
            };
            tries -= 1;
            let again = tries > 0;
            match error {
                BatchError::Conflict if again => sets.push(set),
                BatchError::Failed(_) if again && set.len() > 1 => {
                    let (first, second) = set.split_at(set.len() / 2);
                    sets.extend([second, first]);
                }
                error => {
                    // Where there are no tries left, or no database is, neither is there any for the rest.
                    let is_alone =
                        again && set.len() == 1 && matches!(error, BatchError::Failed(_));
                    let rest = if is_alone {
                        Vec::new()
                    } else {
                        std::mem::take(&mut sets)
                    };
                    let count = set.len() + rest.iter().map(|set| set.len()).sum::<usize>();
                    failure = Some(self.forget(count, error));
                }
            }
        }
        match failure {
            Some(reason) => self.health.degraded(reason),
            None => self.health.ready(),
        }
    }

    async fn hear_together(&self, set: &[EncodedSignal]) -> Result<(), BatchError> {
        let started = Instant::now();
        // Without a trace: most of what is said changes nothing. What one sends begins a trace of its own.
        let cause = Context::of_its_own(&self.ledger.environment);
        let (unintelligible, consequences) =
            self.attempt(set, &cause).await.inspect_err(|error| {
                self.metrics.failed(error.kind(), started.elapsed());
            })?;
        let count = u64::try_from(set.len()).unwrap_or(u64::MAX);
        self.metrics.processed(count, started.elapsed());
        self.outlet.tell(consequences).await;
        if let Some(Unintelligible { agent, error }) = unintelligible.first() {
            let (signal, count) = (self.hearing.name, unintelligible.len());
            warn!(target: "muster::messaging", signal, count, agent, %error, "signals that are none of their type; this is the first");
        }
        Ok(())
    }

    /// Says that so many signals are forgotten, and gives the reason.
    fn forget(&self, count: usize, error: BatchError) -> String {
        let signal = self.hearing.name;
        match error {
            BatchError::Conflict => {
                warn!(target: "muster::messaging", signal, count, "other transactions are in the way; signals are forgotten");
                "other transactions are in the way".to_owned()
            }
            BatchError::Unavailable(error) => {
                warn!(target: "muster::messaging", signal, count, error = %chain(&error), "the database is away; signals are forgotten");
                "the database is away".to_owned()
            }
            BatchError::Failed(reason) | BatchError::Malformed(_, reason) => {
                error!(target: "muster::messaging", signal, count, reason, "signals could not be heard and are forgotten");
                reason
            }
        }
    }

    async fn attempt(
        &self,
        batch: &[EncodedSignal],
        cause: &Context,
    ) -> Result<(Vec<Unintelligible>, Consequences), BatchError> {
        let mut transaction = self.ledger.begin().await?;
        let mut effects = self.ledger.effects();
        let work = async {
            let unintelligible = self
                .hearing
                .handler
                .hear(&mut transaction, batch, cause, &mut effects)
                .await?;
            let consequences = self.ledger.conclude(&mut transaction, effects).await?;
            Ok((unintelligible, consequences))
        };
        let result = caught(work).await;
        finished(transaction, result).await
    }
}
