//! One service as it runs: through a real broker, with a client and agents, as if each were a process of its own.

use std::{error::Error, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use muster_contract::{Command, Outcome, Part, Principal, Query, Service, topology::Limits};
use muster_messaging::{
    AgentBroker, AgentBrokerOptions, Broker, BrokerOptions, CommandClient, CommandClientOptions,
    Environment, Foundation, Orders, OutcomeOf, QueryClient, QueryClientOptions, Running,
    SendOptions, ServiceOptions, topology,
};
use muster_platform::{Health, Ids as _, ManualClock, RandomIds, Shutdown, Timestamp};
use muster_storage::{Database, Location, StorageOptions};
use muster_telemetry::Metrics;
use sqlx::migrate::Migrator;
use uuid::Uuid;

use crate::{DEADLINE, NatsServer, TemporaryDirectory};

/// Commands and queries that may be on their way at once.
const WAITER_LIMIT: usize = 16;

/// Bytes of an answer.
const ANSWER_LIMIT: usize = 1024 * 1024;

/// How long an outcome may take by the clock of the service, which the test moves.
const COMMAND_DEADLINE: Duration = Duration::from_hours(1);

/// A service on SQLite with a broker of its own, and whoever talks to it. Everything is gone when it is dropped.
pub struct ServiceWorld {
    /// The connection of the client, for whoever listens to events.
    pub client: Broker,
    /// The time, for the service and its client.
    pub clock: Arc<ManualClock>,
    /// What stops the service in order.
    pub tasks: Shutdown,
    commands: CommandClient,
    queries: QueryClient,
    _running: Running,
    _directory: TemporaryDirectory,
    nats: NatsServer,
}

impl ServiceWorld {
    /// Starts the service by `start`, at the time `now`, with consumers for the orders of these agents.
    ///
    /// # Errors
    /// The broker or the service does not start.
    pub async fn start<E: Error + Send + Sync + 'static>(
        service: Service,
        migrations: &'static Migrator,
        agents: &[&str],
        now: Timestamp,
        start: impl AsyncFnOnce(Foundation, &Shutdown) -> Result<Running, E>,
    ) -> Result<Self> {
        Self::start_with(service, migrations, agents, &Limits::default(), now, start).await
    }

    /// The same on streams with these limits, and for the producers that they name.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_with<E: Error + Send + Sync + 'static>(
        service: Service,
        migrations: &'static Migrator,
        agents: &[&str],
        limits: &Limits,
        now: Timestamp,
        start: impl AsyncFnOnce(Foundation, &Shutdown) -> Result<Running, E>,
    ) -> Result<Self> {
        let nats = NatsServer::start().await?;
        let directory = TemporaryDirectory::new(service.name())?;
        let clock = Arc::new(ManualClock::new(now));
        let environment = Environment {
            clock: clock.clone(),
            ids: Arc::new(RandomIds),
        };
        let metrics = Metrics::new("test", "test")?;
        let tasks = Shutdown::new();

        let broker = connect(&nats, service.part()).await?;
        let agents: Vec<String> = agents.iter().map(|agent| (*agent).to_owned()).collect();
        topology::apply(&broker, limits, &agents).await?;
        let location = Location::Sqlite(directory.join("service.sqlite"));
        let foundation = Foundation {
            broker,
            database: Database::open(&StorageOptions::new(location), migrations).await?,
            options: ServiceOptions::default(),
            environment: environment.clone(),
            metrics: metrics.clone(),
            health: Health::new(),
        };
        let running = start(foundation, &tasks).await?;

        let client = connect(&nats, Part::Ingress).await?;
        let options = CommandClientOptions {
            waiter_limit: WAITER_LIMIT,
        };
        let (own, environment_of_commands) = (client.clone(), environment.clone());
        let commands =
            CommandClient::start(own, options, environment_of_commands, &metrics, &tasks).await?;
        let options = QueryClientOptions {
            waiter_limit: WAITER_LIMIT,
            answer_limit: ANSWER_LIMIT,
        };
        let queries = QueryClient::start(client.clone(), options, environment, &tasks).await?;
        Ok(Self {
            client,
            clock,
            tasks,
            commands,
            queries,
            _running: running,
            _directory: directory,
            nats,
        })
    }

    /// The orders of an agent.
    ///
    /// # Errors
    /// It cannot connect.
    pub async fn orders(&self, agent: &str) -> Result<Orders> {
        let options = AgentBrokerOptions {
            url: self.nats.url(),
            agent: agent.to_owned(),
            key_seed: None,
            connect_deadline: DEADLINE,
        };
        let agent = AgentBroker::connect(options).await?;
        Ok(agent.orders(self.tasks.token()))
    }

    /// Sends a command and waits for its outcome.
    ///
    /// # Errors
    /// There is none in time.
    pub async fn send<C: Command>(
        &self,
        principal: &Principal,
        command: &C,
    ) -> Result<OutcomeOf<C>> {
        self.send_again(RandomIds.next(), principal, command).await
    }

    /// Sends a command under an id that may have been sent before.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_again<C: Command>(
        &self,
        id: Uuid,
        principal: &Principal,
        command: &C,
    ) -> Result<OutcomeOf<C>> {
        let options = SendOptions {
            id,
            correlation_id: id,
            principal: principal.clone(),
            fingerprint: None,
            deadline: COMMAND_DEADLINE,
        };
        let outcome = tokio::time::timeout(DEADLINE, self.commands.send(command, options));
        let outcome = outcome
            .await
            .with_context(|| format!("no outcome of {}", C::schema()))?;
        Ok(outcome?)
    }

    /// Asks a question.
    ///
    /// # Errors
    /// There is no answer in time.
    pub async fn ask<Q: Query>(
        &self,
        principal: &Principal,
        query: &Q,
    ) -> Result<Outcome<Q::Answer, Q::Refusal>> {
        Ok(self.queries.ask(query, Some(principal), DEADLINE).await?)
    }
}

async fn connect(nats: &NatsServer, part: Part) -> Result<Broker> {
    let options = BrokerOptions {
        url: nats.url(),
        part,
        key_seed: None,
        instance: "test".to_owned(),
        connect_deadline: DEADLINE,
    };
    Ok(Broker::connect(options).await?)
}
