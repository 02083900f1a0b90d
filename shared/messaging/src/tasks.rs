//! The tasks of a running service.

use std::sync::Arc;

use muster_contract::Service;
use muster_platform::{ComponentHealth, Shutdown};
use tokio::sync::mpsc;

use crate::{
    Foundation, TakeBulk,
    batch::{BatchRunner, Handlers},
    bulk::BulkTask,
    dead_letters::Cabinet,
    erased::ErasedMeasure,
    housekeeping::{self, Retention},
    intake::Intake,
    ledger::Ledger,
    measuring::Measuring,
    outbox_message::PendingRow,
    outlet::{Outlet, Told},
    periodic::{PeriodicTask, PeriodicWork},
    publisher::Publisher,
    replies,
    settling::Settler,
    signals::{Ear, SignalTask},
    source::Source,
    telling::Teller,
};

/// Starts the tasks of one service.
pub(crate) struct Tasks<'a> {
    pub(crate) service: Service,
    pub(crate) foundation: Foundation,
    pub(crate) handlers: Arc<Handlers>,
    pub(crate) outlet: Outlet,
    pub(crate) shutdown: &'a Shutdown,
}

impl Tasks<'_> {
    /// Publishes the rows of the outbox.
    pub(crate) fn publish(&self, rows: mpsc::Receiver<PendingRow>) {
        let name = self.service.name();
        let health = self.component("publisher");
        let publisher = Publisher {
            broker: self.foundation.broker.clone(),
            database: self.foundation.database.clone(),
            environment: self.foundation.environment.clone(),
            sent: self
                .foundation
                .metrics
                .publisher(format!("muster.evt.{name}")),
            outbox: self.foundation.metrics.outbox(name),
            health: health.clone(),
            stop: self.shutdown.token(),
        };
        self.spawn("publisher", down_if_it_panics(health, publisher.run(rows)));
    }

    /// Notes which outcomes that came later were told, and tells the rest.
    pub(crate) fn note(&self, told: mpsc::Receiver<Told>) {
        let teller = Teller {
            broker: self.foundation.broker.clone(),
            database: self.foundation.database.clone(),
            environment: self.foundation.environment.clone(),
            stop: self.shutdown.token(),
        };
        self.spawn("outcomes", teller.run(told));
    }

    /// Takes messages from the source.
    pub(crate) fn take(&self, source: Source) {
        let what = source.what;
        let health = self.component(what);
        let intake = Intake {
            broker: self.foundation.broker.clone(),
            settler: Settler {
                runner: BatchRunner {
                    ledger: self.ledger(),
                    handlers: self.handlers.clone(),
                    cabinet: self.cabinet(),
                },
                environment: self.foundation.environment.clone(),
                cabinet: self.cabinet(),
                outlet: self.outlet.clone(),
                metrics: self
                    .foundation
                    .metrics
                    .consumer(source.stream, source.consumer),
                health: health.clone(),
                stop: self.shutdown.token(),
                source: source.clone(),
            },
            source,
            health: health.clone(),
            batch_limit: self.foundation.options.batch_limit,
            stop: self.shutdown.token(),
        };
        self.spawn(what, down_if_it_panics(health, intake.run()));
    }

    /// Takes metric samples.
    pub(crate) fn take_bulk(&self, handler: impl TakeBulk) {
        let source = Source::metrics(self.service);
        let what = source.what;
        let health = self.component(what);
        let task = BulkTask {
            handler: Arc::new(handler),
            broker: self.foundation.broker.clone(),
            ledger: self.ledger(),
            cabinet: self.cabinet(),
            metrics: self
                .foundation
                .metrics
                .consumer(source.stream, source.consumer),
            health: health.clone(),
            stop: self.shutdown.token(),
            source,
        };
        self.spawn(what, down_if_it_panics(health, task.run()));
    }

    /// Hears what agents say of themselves.
    pub(crate) fn hear(&self, ear: Ear) {
        let name = ear.hearing.name;
        let health = self.component(name);
        let task = SignalTask {
            ledger: self.ledger(),
            outlet: self.outlet.clone(),
            metrics: self
                .foundation
                .metrics
                .consumer(ear.subject.clone(), self.service.name()),
            health: health.clone(),
            stop: self.shutdown.token(),
            ear,
        };
        self.spawn(name, down_if_it_panics(health, task.run()));
    }

    /// Does the work again and again.
    pub(crate) fn repeat(&self, work: PeriodicWork) {
        let name = work.name;
        let health = self.component(name);
        let task = PeriodicTask {
            metrics: self.foundation.metrics.periodic(self.service.name(), name),
            work,
            ledger: self.ledger(),
            outlet: self.outlet.clone(),
            health: health.clone(),
            stop: self.shutdown.token(),
        };
        self.spawn(name, down_if_it_panics(health, task.run()));
    }

    /// Reads levels: those that every service has, and its own.
    pub(crate) fn measure(&self, sources: Vec<Source>, own: Vec<Arc<dyn ErasedMeasure>>) {
        let measuring = Measuring {
            service: self.service,
            broker: self.foundation.broker.clone(),
            database: self.foundation.database.clone(),
            environment: self.foundation.environment.clone(),
            levels: self.foundation.metrics.levels(self.service.name()),
            sources,
            own,
            stop: self.shutdown.token(),
        };
        self.spawn("levels", measuring.run());
    }

    /// Forgets what is no longer needed.
    pub(crate) fn keep_house(&self) {
        let retention = Retention {
            inbox: self.foundation.options.inbox_retention,
            outbox: self.foundation.options.outbox_retention,
        };
        let housekeeping = housekeeping::run(
            self.foundation.database.clone(),
            self.foundation.environment.clone(),
            retention,
            self.shutdown.token(),
        );
        self.spawn("housekeeping", housekeeping);
    }

    fn cabinet(&self) -> Cabinet {
        Cabinet {
            service: self.service,
            database: self.foundation.database.clone(),
            environment: self.foundation.environment.clone(),
        }
    }

    fn ledger(&self) -> Ledger {
        Ledger {
            database: self.foundation.database.clone(),
            environment: self.foundation.environment.clone(),
            namespace: self.service.schema(),
            message_limit: self.foundation.broker.body_limit(),
            outcome_limit: replies::outcome_limit(&self.foundation.broker),
        }
    }

    fn component(&self, what: &str) -> ComponentHealth {
        let name = format!("{}: {what}", self.service.name());
        self.foundation.health.register(name)
    }

    fn spawn(&self, what: &str, task: impl Future<Output = ()> + Send + 'static) {
        let name = format!("{}: {what}", self.service.name());
        self.shutdown.spawn(name, task);
    }
}

/// Runs the task. Nobody starts it again after a panic, so the process must not count as ready from then on.
async fn down_if_it_panics(health: ComponentHealth, task: impl Future<Output = ()>) {
    struct Guard(ComponentHealth);
    impl Drop for Guard {
        fn drop(&mut self) {
            if std::thread::panicking() {
                self.0.down("it panicked");
            }
        }
    }
    let _guard = Guard(health);
    task.await;
}

#[cfg(test)]
mod tests {
    use muster_platform::Health;

    use super::*;

    #[tokio::test]
    async fn a_process_whose_task_panicked_is_not_ready() {
        let health = Health::new();
        let component = health.register("task");
        component.ready();
        down_if_it_panics(component.clone(), async {}).await;
        assert!(health.ready());
        let task = down_if_it_panics(component, async { panic!("on purpose") });
        assert!(tokio::spawn(task).await.is_err());
        assert!(!health.ready());
    }
}
