//! A service: its handlers and the tasks that feed them.

use std::{sync::Arc, time::Duration};

use muster_contract::{Command, Query, Service, dead_letters, message::Never};
use muster_platform::{ComponentHealth, Health, Shutdown};
use muster_storage::Database;
use muster_telemetry::Metrics;
use tokio::sync::mpsc;

use crate::{
    AnswerQuery, Broker, BrokerError, Environment, HandleCommand,
    batch::{BatchRunner, Handlers},
    dead_letters::{Cabinet, Discard, Replay},
    handler::{CommandHandlerOf, QueryHandlerOf},
    housekeeping::{self, Retention},
    intake::Intake,
    publisher::{self, Publisher},
    queries::{self, QueryHandlers},
    replies,
    settling::Settler,
};

/// What a site may set.
#[derive(Debug, Clone, Copy)]
pub struct ServiceOptions {
    /// Commands in one transaction, at most.
    pub batch_limit: usize,
    /// How long outcomes of commands are remembered.
    pub inbox_retention: Duration,
    /// How long published rows are kept, for a broker that loses its tail.
    pub outbox_retention: Duration,
}

impl Default for ServiceOptions {
    fn default() -> Self {
        Self {
            batch_limit: 64,
            inbox_retention: Duration::from_hours(8 * 24),
            outbox_retention: Duration::from_hours(24),
        }
    }
}

/// Puts a service together.
pub struct ServiceBuilder {
    service: Service,
    broker: Broker,
    database: Database,
    options: ServiceOptions,
    environment: Environment,
    metrics: Metrics,
    health: Health,
    handlers: Handlers,
    queries: QueryHandlers,
}

/// A running service. Keeps its query endpoints alive.
pub struct Running {
    _queries: async_nats::service::Service,
}

impl ServiceBuilder {
    /// A service without handlers.
    #[must_use]
    pub fn new(
        service: Service,
        broker: Broker,
        database: Database,
        options: ServiceOptions,
        environment: Environment,
        metrics: Metrics,
        health: Health,
    ) -> Self {
        Self {
            service,
            broker,
            database,
            options,
            environment,
            metrics,
            health,
            handlers: Handlers::new(),
            queries: QueryHandlers::new(),
        }
    }

    /// Takes commands of this kind.
    #[must_use]
    pub fn command<C: Command>(mut self, handler: impl HandleCommand<C>) -> Self {
        let handler = Arc::new(CommandHandlerOf::<C, _>::new(handler));
        self.handlers.insert(C::schema(), handler);
        self
    }

    /// Answers questions of this kind.
    #[must_use]
    pub fn query<Q: Query>(mut self, handler: impl AnswerQuery<Q>) -> Self {
        let handler = Arc::new(QueryHandlerOf::<Q, _>::new(handler));
        self.queries.insert(Q::subject(), handler);
        self
    }

    /// Takes the three messages about its dead letters.
    #[must_use]
    pub fn dead_letters<L, R, D>(self) -> Self
    where
        L: Query<Answer = dead_letters::DeadLetterPage, Refusal = Never>
            + AsRef<dead_letters::DeadLetterFilter>,
        R: Command<Reply = dead_letters::DeadLetter, Refusal = dead_letters::UnknownDeadLetter>
            + AsRef<dead_letters::DeadLetterId>,
        D: Command<Reply = dead_letters::DeadLetter, Refusal = dead_letters::UnknownDeadLetter>
            + AsRef<dead_letters::DeadLetterId>,
    {
        let cabinet = self.cabinet();
        self.query::<L>(cabinet.clone())
            .command::<R>(Replay(cabinet.clone()))
            .command::<D>(Discard(cabinet))
    }

    /// Schemas of the commands that have a handler.
    pub fn handled_commands(&self) -> impl Iterator<Item = &str> {
        self.handlers.keys().map(String::as_str)
    }

    /// Subjects of the queries that have a handler.
    pub fn answered_queries(&self) -> impl Iterator<Item = &str> {
        self.queries.keys().map(String::as_str)
    }

    /// Starts the tasks. They stop in order when `shutdown` is triggered: no new commands, the batch at hand is finished, what
    /// it has to say is published.
    pub async fn run(self, shutdown: &Shutdown) -> Result<Running, BrokerError> {
        let name = self.service.name();
        let cabinet = self.cabinet();
        let (sender, rows) = mpsc::channel(publisher::QUEUE_LIMIT);
        let queries = queries::serve(&self.broker, self.service, self.queries, shutdown).await?;
        let health = self.health.register(format!("{name}: publisher"));
        let publisher = Publisher {
            broker: self.broker.clone(),
            database: self.database.clone(),
            environment: self.environment.clone(),
            sent: self.metrics.publisher(format!("muster.evt.{name}")),
            outbox: self.metrics.outbox(name),
            health: health.clone(),
            stop: shutdown.token(),
        };
        let publishing = down_if_it_panics(health, publisher.run(rows));
        shutdown.spawn(format!("{name}: publisher"), publishing);
        let health = self.health.register(format!("{name}: commands"));
        let intake = Intake {
            service: self.service,
            broker: self.broker.clone(),
            settler: Settler {
                service: self.service,
                runner: BatchRunner {
                    database: self.database.clone(),
                    handlers: self.handlers,
                    environment: self.environment.clone(),
                    namespace: self.service.schema(),
                    message_limit: self.broker.body_limit(),
                    outcome_limit: replies::outcome_limit(&self.broker),
                },
                broker: self.broker,
                environment: self.environment.clone(),
                cabinet,
                publisher: sender,
                metrics: self.metrics.consumer(self.service.command_stream(), name),
                health: health.clone(),
                stop: shutdown.token(),
            },
            health: health.clone(),
            batch_limit: self.options.batch_limit,
            stop: shutdown.token(),
        };
        let taking = down_if_it_panics(health, intake.run());
        shutdown.spawn(format!("{name}: commands"), taking);
        let retention = Retention {
            inbox: self.options.inbox_retention,
            outbox: self.options.outbox_retention,
        };
        let housekeeping =
            housekeeping::run(self.database, self.environment, retention, shutdown.token());
        shutdown.spawn(format!("{name}: housekeeping"), housekeeping);
        Ok(Running { _queries: queries })
    }

    fn cabinet(&self) -> Cabinet {
        Cabinet {
            database: self.database.clone(),
            environment: self.environment.clone(),
        }
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
