//! A service: its handlers and the tasks that feed them.

use std::{sync::Arc, time::Duration};

use muster_contract::{
    Command, Event, Query, Report, Service, Signal, dead_letters, message::Never,
};
use muster_platform::Shutdown;
use tokio::sync::mpsc;

use crate::{
    AnswerQuery, BeginCommand, BrokerError, Foundation, HandleCommand, HearSignals, Measure,
    Periodic, React, TakeBulk, TakeReport, Translate,
    batch::Handlers,
    dead_letters::{Cabinet, Discard, Replay},
    erased::{
        AtOnce, CommandHandlerOf, ErasedMeasure, HearingOf, QueryHandlerOf, ReactionOf,
        ReportHandlerOf, TranslatorOf,
    },
    outlet::Outlet,
    periodic::PeriodicWork,
    publisher,
    queries::{self, QueryHandlers},
    signals::Hearing,
    source::Source,
    tasks::Tasks,
    telling,
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
    hearing: Vec<Hearing>,
    periodic: Vec<PeriodicWork>,
    queries: QueryHandlers,
    bulk: Vec<BulkStart>,
    measures: Vec<Arc<dyn ErasedMeasure>>,
}

/// Starts to take what comes in bulk.
type BulkStart = Box<dyn FnOnce(&Tasks<'_>) + Send>;

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
            handlers: Handlers::default(),
            hearing: Vec::new(),
            periodic: Vec::new(),
            queries: QueryHandlers::new(),
            bulk: Vec::new(),
            measures: Vec::new(),
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
        self.handlers.commands.insert(C::schema(), handler);
        self
    }

    /// Reacts to events of this kind. The contract table has to name the service as their consumer.
    #[must_use]
    pub fn react<E: Event>(mut self, handler: impl React<E>) -> Self {
        let handler = Arc::new(ReactionOf::<E, _>::new(handler));
        self.handlers.reactions.insert(E::schema(), handler);
        self
    }

    /// Takes reports of this kind. The contract table has to name the service as the one that they are for.
    #[must_use]
    pub fn report<R: Report>(mut self, handler: impl TakeReport<R>) -> Self {
        let handler = Arc::new(ReportHandlerOf::<R, _>::new(handler));
        self.handlers.reports.insert(R::schema(), handler);
        self
    }

    /// Takes what producers publish of jobs and nodes, on the subjects that the site names.
    #[must_use]
    pub fn translate(mut self, handler: impl Translate) -> Self {
        self.handlers.translator = Some(Arc::new(TranslatorOf(handler)));
        self
    }

    /// Takes metric samples.
    #[must_use]
    pub fn bulk(mut self, handler: impl TakeBulk) -> Self {
        self.bulk.push(Box::new(|tasks| tasks.take_bulk(handler)));
        self
    }

    /// Hears what agents say of themselves in signals of this kind, some twice a second at most. The contract table has to
    /// name the service as the one that listens.
    #[must_use]
    pub fn signal<S: Signal>(mut self, handler: impl HearSignals<S>) -> Self {
        self.hearing.push(Hearing {
            name: S::NAME,
            schema: S::schema(),
            handler: Arc::new(HearingOf::<S, _>::new(handler)),
        });
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

    /// Reads these levels for metrics every few seconds.
    #[must_use]
    pub fn measure(mut self, levels: impl Measure) -> Self {
        self.measures.push(Arc::new(levels));
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
        self.handlers.commands.keys().map(String::as_str)
    }

    /// Schemas of the events that are reacted to.
    pub fn awaited_events(&self) -> impl Iterator<Item = &str> {
        self.handlers.reactions.keys().map(String::as_str)
    }

    /// Schemas of the reports that are taken.
    pub fn awaited_reports(&self) -> impl Iterator<Item = &str> {
        self.handlers.reports.keys().map(String::as_str)
    }

    /// Schemas of the signals that are heard.
    pub fn heard_signals(&self) -> impl Iterator<Item = &str> {
        self.hearing.iter().map(|hearing| hearing.schema.as_str())
    }

    /// Subjects of the queries that have a handler.
    pub fn answered_queries(&self) -> impl Iterator<Item = &str> {
        self.queries.keys().map(String::as_str)
    }

    /// Starts the tasks. They stop in order when `shutdown` is triggered: no new messages, the batch at hand is finished, what
    /// it has to say is published.
    pub async fn run(self, shutdown: &Shutdown) -> Result<Running, BrokerError> {
        let queries = queries::serve(
            &self.foundation.broker,
            self.service,
            self.queries,
            shutdown,
        )
        .await?;
        let mut ears = Vec::with_capacity(self.hearing.len());
        for hearing in self.hearing {
            ears.push(
                hearing
                    .listen(&self.foundation.broker, self.service)
                    .await?,
            );
        }
        let (rows, to_publish) = mpsc::channel(publisher::QUEUE_LIMIT);
        let (told, to_note) = mpsc::channel(telling::QUEUE_LIMIT);
        let tasks = Tasks {
            service: self.service,
            outlet: Outlet {
                broker: self.foundation.broker.clone(),
                rows,
                told,
                queues: self.foundation.metrics.queues(),
            },
            handlers: Arc::new(self.handlers),
            foundation: self.foundation,
            shutdown,
        };
        tasks.publish(to_publish);
        tasks.note(to_note);
        let mut sources = vec![Source::commands(self.service)];
        if !tasks.handlers.reactions.is_empty() {
            sources.push(Source::events(self.service));
        }
        if !tasks.handlers.reports.is_empty() {
            sources.push(Source::reports(self.service));
        }
        if tasks.handlers.translator.is_some() {
            sources.push(Source::job_events(self.service));
        }
        for start in self.bulk {
            start(&tasks);
        }
        for source in &sources {
            tasks.take(source.clone());
        }
        tasks.measure(sources, self.measures);
        for ear in ears {
            tasks.hear(ear);
        }
        for work in self.periodic {
            tasks.repeat(work);
        }
        tasks.keep_house();
        Ok(Running { _queries: queries })
    }

    fn cabinet(&self) -> Cabinet {
        Cabinet {
            service: self.service,
            database: self.foundation.database.clone(),
            environment: self.foundation.environment.clone(),
        }
    }
}
