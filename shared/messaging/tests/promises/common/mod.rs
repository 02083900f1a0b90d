//! A world for a test: a broker, a database, instances of a small service, and clients.

pub(crate) mod handlers;
pub(crate) mod ingress;
pub(crate) mod keys;
pub(crate) mod later;
pub(crate) mod messages;
pub(crate) mod probe;
pub(crate) mod service;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use async_nats::{
    HeaderMap,
    jetstream::{
        self, AckKind,
        consumer::{AckPolicy, PullConsumer, pull},
    },
};
use futures_util::StreamExt as _;
use muster_contract::{
    Message as _, Part, Service, headers,
    subject::event_of_any_project,
    topology::{EVENT_STREAM, Limits},
};
use muster_messaging::{AgentBroker, AgentBrokerOptions, ServiceOptions, topology};
use muster_platform::SystemClock;
use muster_storage::Location;
use muster_testkit::{DEADLINE, NatsServer, PostgresServer, TemporaryDirectory, eventually};

use handlers::Steering;
use ingress::{ClientSetup, Ingress};
use later::Due;
use messages::NoteAppeared;
use service::{Later, Setup, TestService};

/// Where the test service has its tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// Runs each of the test bodies on both databases.
macro_rules! on_both_databases {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name($crate::common::Engine::Sqlite).await;
                }
            )+
        }
        $crate::common::on_postgres!($($name),+);
    };
}

/// Runs each of the test bodies on PostgreSQL alone.
macro_rules! on_postgres {
    ($($name:ident),+ $(,)?) => {
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    match muster_testkit::PostgresServer::available() {
                        Ok(()) => super::$name($crate::common::Engine::Postgres).await,
                        Err(reason) => muster_testkit::skip(
                            concat!(module_path!(), "::", stringify!($name)),
                            &reason,
                        ),
                    }
                }
            )+
        }
    };
}
pub(crate) use {on_both_databases, on_postgres};

/// A broker with the topology in place, and a place for the tables.
pub(crate) struct World {
    pub(crate) nats: NatsServer,
    pub(crate) steering: Steering,
    pub(crate) location: Location,
    pub(crate) limits: Limits,
    _directory: TemporaryDirectory,
}

/// An event as it stands in its stream.
#[derive(Debug, Clone)]
pub(crate) struct SeenEvent {
    pub(crate) name: String,
    pub(crate) headers: HeaderMap,
}

impl SeenEvent {
    pub(crate) fn header(&self, name: &'static str) -> &str {
        self.headers.get(name).map_or("", |value| value.as_str())
    }
}

impl World {
    pub(crate) async fn new(engine: Engine) -> Self {
        Self::with_limits(engine, Limits::default()).await
    }

    pub(crate) async fn with_limits(engine: Engine, limits: Limits) -> Self {
        log();
        let nats = NatsServer::start().await.unwrap();
        let world = Self::around(nats, engine, limits).await;
        world.apply_topology().await;
        world
    }

    /// Around a broker without topology.
    pub(crate) async fn around(nats: NatsServer, engine: Engine, limits: Limits) -> Self {
        let directory = TemporaryDirectory::new("messaging").unwrap();
        let location = match engine {
            Engine::Sqlite => Location::Sqlite(directory.join("service.sqlite")),
            Engine::Postgres => Location::Postgres {
                url: PostgresServer::shared()
                    .await
                    .unwrap()
                    .create_database()
                    .await
                    .unwrap(),
                schema: Service::JobArchive.schema().to_owned(),
            },
        };
        Self {
            nats,
            steering: Steering::new(),
            location,
            limits,
            _directory: directory,
        }
    }

    pub(crate) async fn apply_topology(&self) {
        let operator = self.client_setup(Part::Operator);
        let operator = Ingress::start(operator).await;
        topology::apply(&operator.broker, &self.limits, &[])
            .await
            .unwrap();
    }

    /// A usual instance.
    pub(crate) fn setup(&self) -> Setup {
        Setup {
            broker_url: self.nats.url(),
            key_seed: None,
            location: self.location.clone(),
            instance: "one".to_owned(),
            clock: Arc::new(SystemClock),
            options: ServiceOptions::default(),
            steering: self.steering.clone(),
            later: None,
            takes_reports: false,
            hears: false,
        }
    }

    /// One that reacts to events and does what is due, every so often.
    pub(crate) fn setup_later(&self, interval: Duration, due: &Due) -> Setup {
        let due = due.clone();
        Setup {
            later: Some(Later { interval, due }),
            ..self.setup()
        }
    }

    /// Makes the consumer of events that the contract has none of for the test service: the events are its own.
    pub(crate) async fn make_event_consumer(&self) {
        let config = pull::Config {
            ack_wait: Duration::from_secs(1),
            filter_subjects: vec![event_of_any_project(
                Service::JobArchive.name(),
                NoteAppeared::VERSION,
                NoteAppeared::NAME,
            )],
            ..muster_contract::topology::command_consumer(Service::JobArchive)
        };
        self.jetstream()
            .await
            .create_consumer_on_stream(config, EVENT_STREAM)
            .await
            .unwrap();
    }

    /// One that reaches the broker through a proxy.
    pub(crate) fn setup_through(&self, proxy: SocketAddr) -> Setup {
        Setup {
            broker_url: format!("nats://{proxy}"),
            ..self.setup()
        }
    }

    pub(crate) async fn service(&self) -> TestService {
        TestService::start(self.setup()).await
    }

    pub(crate) fn client_setup(&self, part: Part) -> ClientSetup {
        ClientSetup {
            url: self.nats.url(),
            part,
            key_seed: None,
            instance: "a",
            waiter_limit: 4096,
        }
    }

    /// The agent `name`.
    pub(crate) async fn agent(&self, name: &str) -> AgentBroker {
        AgentBroker::connect(AgentBrokerOptions {
            url: self.nats.url(),
            agent: name.to_owned(),
            key_seed: None,
            connect_deadline: DEADLINE,
        })
        .await
        .unwrap()
    }

    pub(crate) async fn ingress(&self) -> Ingress {
        Ingress::start(self.client_setup(Part::Ingress)).await
    }

    pub(crate) async fn jetstream(&self) -> jetstream::Context {
        jetstream::new(self.nats.client().await.unwrap())
    }

    /// Messages in the stream of commands.
    pub(crate) async fn stored(&self) -> u64 {
        stored(&self.jetstream().await).await
    }

    /// Waits until every command is settled and gone from its stream: none is stuck.
    pub(crate) async fn see_all_settled(&self) {
        let context = self.jetstream().await;
        eventually(DEADLINE, "an empty command stream", async || {
            (stored(&context).await == 0).then_some(())
        })
        .await
        .unwrap();
    }

    /// Makes the broker deliver commands again sooner or later than in production.
    pub(crate) async fn set_acknowledge_wait(&self, ack_wait: Duration) {
        let config = pull::Config {
            ack_wait,
            ..muster_contract::topology::command_consumer(Service::JobArchive)
        };
        self.jetstream()
            .await
            .create_consumer_on_stream(config, Service::JobArchive.command_stream())
            .await
            .unwrap();
    }

    /// Waits until this many commands are in their stream.
    pub(crate) async fn see_stored(&self, count: u64) {
        let context = self.jetstream().await;
        eventually(DEADLINE, "stored commands", async || {
            (stored(&context).await == count).then_some(())
        })
        .await
        .unwrap();
    }

    /// Waits until this many commands were delivered to the service and are not settled.
    ///
    /// Asked through the service's own connection: its answer comes after what the broker had sent the service by then.
    pub(crate) async fn see_delivered(&self, service: &TestService, count: usize) {
        let broker = service.broker();
        let seeing = eventually(DEADLINE, "delivered commands", async move || {
            let stream = Service::JobArchive.command_stream();
            let consumer: PullConsumer = broker
                .jetstream()
                .get_consumer_from_stream(Service::JobArchive.name(), stream)
                .await
                .ok()?;
            let info = consumer.cached_info();
            (info.num_pending == 0 && info.num_ack_pending == count).then_some(())
        });
        seeing.await.unwrap();
    }

    /// Has every stored command delivered this often, to somebody who settles none of them.
    pub(crate) async fn deliver_in_vain(&self, times: usize) {
        let context = self.jetstream().await;
        let stream = Service::JobArchive.command_stream();
        let consumer: PullConsumer = context
            .get_consumer_from_stream(Service::JobArchive.name(), stream)
            .await
            .unwrap();
        let count = usize::try_from(stored(&context).await).unwrap();
        for _ in 0..times {
            let batch = consumer.fetch().max_messages(count);
            let messages: Vec<_> = batch.messages().await.unwrap().collect().await;
            assert_eq!(messages.len(), count);
            for message in messages {
                message
                    .unwrap()
                    .double_ack_with(AckKind::Nak(None))
                    .await
                    .unwrap();
            }
        }
    }

    /// Everything in the stream of events, in order.
    pub(crate) async fn events(&self) -> Vec<SeenEvent> {
        let context = self.jetstream().await;
        let stream = context.get_stream(EVENT_STREAM).await.unwrap();
        let count = stream.cached_info().state.messages;
        if count == 0 {
            return Vec::new();
        }
        let consumer = stream
            .create_consumer(pull::Config {
                ack_policy: AckPolicy::None,
                ..pull::Config::default()
            })
            .await
            .unwrap();
        let messages = consumer
            .fetch()
            .max_messages(usize::try_from(count).unwrap())
            .messages()
            .await
            .unwrap();
        messages
            .map(|message| {
                let message = message.unwrap();
                let name = serde_json::from_slice::<NoteAppeared>(&message.payload)
                    .map_or_else(|_| "?".to_owned(), |event| event.name);
                SeenEvent {
                    name,
                    headers: message.headers.clone().unwrap_or_default(),
                }
            })
            .collect()
            .await
    }

    /// Waits until the stream of events has these, each once, in whatever order.
    pub(crate) async fn see_events(&self, names: &[String]) {
        let mut wanted = names.to_vec();
        wanted.sort();
        let mut last = Vec::new();
        let seen = eventually(DEADLINE, "the events", async || {
            last = self.events().await;
            (sorted_names(&last) == wanted).then_some(())
        })
        .await;
        assert!(
            seen.is_ok(),
            "{:?}\ninstead of\n{wanted:?}",
            sorted_names(&last)
        );
        let ids: std::collections::HashSet<_> = last
            .iter()
            .map(|event| event.header(headers::BROKER_MESSAGE_ID))
            .collect();
        assert_eq!(ids.len(), last.len(), "each under an id of its own");
    }
}

/// Shows what is logged, for whoever looks for a fault: as much as `RUST_LOG` says, and nothing without it.
fn log() {
    let _ = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_test_writer()
        .try_init();
}

pub(crate) fn sorted_names(events: &[SeenEvent]) -> Vec<String> {
    let mut names: Vec<String> = events.iter().map(|event| event.name.clone()).collect();
    names.sort();
    names
}

pub(crate) async fn stored(context: &jetstream::Context) -> u64 {
    let stream = Service::JobArchive.command_stream();
    let stream = context.get_stream(stream).await.unwrap();
    stream.cached_info().state.messages
}

/// `prefix 0`, `prefix 1`, … in the order of sorting.
pub(crate) fn numbered(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix} {n:04}")).collect()
}

/// Waits until all published rows of the outbox are marked so.
pub(crate) async fn see_marked(service: &TestService, rows: i64) {
    eventually(DEADLINE, "the outbox to be published", async || {
        let published = service
            .number("SELECT COUNT(*) FROM outbox WHERE published_at IS NOT NULL")
            .await;
        let waiting = service
            .number("SELECT COUNT(*) FROM outbox WHERE published_at IS NULL")
            .await;
        (published == rows && waiting == 0).then_some(())
    })
    .await
    .unwrap();
}
