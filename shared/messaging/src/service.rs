//! A service: its handlers and the tasks that feed them.

use std::{sync::Arc, time::Duration};

use muster_contract::{Command, Event, Query, Service, dead_letters, message::Never};
use muster_platform::{ComponentHealth, Shutdown};
use tokio::sync::mpsc;

use crate::{
    AnswerQuery, BeginCommand, BrokerError, Foundation, HandleCommand, Periodic, React,
    batch::{BatchRunner, Handlers},
    dead_letters::{Cabinet, Discard, Replay},
    erased::{AtOnce, CommandHandlerOf, QueryHandlerOf, ReactionOf},
    housekeeping::{self, Retention},
    intake::Intake,
    periodic::PeriodicWork,
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
    foundation: Foundation,
    handlers: Handlers,
    reactions: Handlers,
    periodic: Vec<PeriodicWork>,
    queries: QueryHandlers,
}

/// A running service. Keeps its query endpoints alive.
pub struct Running {
    _queries: async_nats::service::Service,
}

impl ServiceBuilder {
    /// A service without handlers.
    #[must_use]
    pub fn new(service: Service, foundation: Foundation) -> Self {
        Self {
            service,
            foundation,
            handlers: Handlers::new(),
            reactions: Handlers::new(),
            periodic: Vec::new(),
            queries: QueryHandlers::new(),
        }
    }

    /// Takes commands of this kind.
    #[must_use]
    pub fn command<C: Command>(self, handler: impl HandleCommand<C>) -> Self {
        self.begin::<C>(AtOnce(handler))
    }

    /// Takes commands of this kind, whose outcome may come later.
    #[must_use]
    pub fn begin<C: Command>(mut self, handler: impl BeginCommand<C>) -> Self {
        let handler = Arc::new(CommandHandlerOf::<C, _>::new(handler));
        self.handlers.insert(C::schema(), handler);
        self
    }

    /// Reacts to events of this kind. The contract table has to name the service as their consumer.
    #[must_use]
    pub fn react<E: Event>(mut self, handler: impl React<E>) -> Self {
        let handler = Arc::new(ReactionOf::<E, _>::new(handler));
        self.reactions.insert(E::schema(), handler);
        self
    }

    /// Does this at the start, then every `interval`, and again at once while there is more.
    #[must_use]
    pub fn periodic(
        mut self,
        name: &'static str,
        interval: Duration,
        handler: impl Periodic,
    ) -> Self {
        self.periodic.push(PeriodicWork {
            name,
            interval,
            handler: Arc::new(handler),
        });
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

    /// Schemas of the events that are reacted to.
    pub fn awaited_events(&self) -> impl Iterator<Item = &str> {
        self.reactions.keys().map(String::as_str)
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
        let Foundation {
            broker,
            database,
            options,
            environment,
            metrics,
            health,
        } = self.foundation;
        let (sender, rows) = mpsc::channel(publisher::QUEUE_LIMIT);
        let queries = queries::serve(&broker, self.service, self.queries, shutdown).await?;
        let component = health.register(format!("{name}: publisher"));
        let publisher = Publisher {
            broker: broker.clone(),
            database: database.clone(),
            environment: environment.clone(),
            sent: metrics.publisher(format!("muster.evt.{name}")),
            outbox: metrics.outbox(name),
            health: component.clone(),
            stop: shutdown.token(),
        };
        let publishing = down_if_it_panics(component, publisher.run(rows));
        shutdown.spawn(format!("{name}: publisher"), publishing);
        let component = health.register(format!("{name}: commands"));
        let intake = Intake {
            service: self.service,
            broker: broker.clone(),
            settler: Settler {
                service: self.service,
                runner: BatchRunner {
                    database: database.clone(),
                    handlers: self.handlers,
                    environment: environment.clone(),
                    namespace: self.service.schema(),
                    message_limit: broker.body_limit(),
                    outcome_limit: replies::outcome_limit(&broker),
                },
                broker,
                environment: environment.clone(),
                cabinet,
                publisher: sender,
                metrics: metrics.consumer(self.service.command_stream(), name),
                health: component.clone(),
                stop: shutdown.token(),
            },
            health: component.clone(),
            batch_limit: options.batch_limit,
            stop: shutdown.token(),
        };
        let taking = down_if_it_panics(component, intake.run());
        shutdown.spawn(format!("{name}: commands"), taking);
        let retention = Retention {
            inbox: options.inbox_retention,
            outbox: options.outbox_retention,
        };
        let housekeeping = housekeeping::run(database, environment, retention, shutdown.token());
        shutdown.spawn(format!("{name}: housekeeping"), housekeeping);
        Ok(Running { _queries: queries })
    }

    fn cabinet(&self) -> Cabinet {
        Cabinet {
            database: self.foundation.database.clone(),
            environment: self.foundation.environment.clone(),
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
