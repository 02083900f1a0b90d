//! One instance of the test service, as a process would be: it can be stopped in order and it can be killed.

use std::{sync::Arc, time::Duration};

use muster_contract::{Part, Service, job_archive};
use muster_messaging::{
    Broker, BrokerOptions, Environment, Foundation, Running, ServiceBuilder, ServiceOptions,
};
use muster_platform::{Clock, Drained, Health, RandomIds, Shutdown};
use muster_storage::{Database, Location, Record, StorageOptions};
use muster_telemetry::Metrics;
use muster_testkit::{DEADLINE, eventually};
use sqlx::migrate::Migrator;
use tokio::runtime::Runtime;

use super::{
    handlers::{Answering, Hearing, Steering, Taking, Writing},
    later::{Beginning, DoingDue, Due, Reacting},
    messages::{Ask, BeginNote, DidIt, Mood, NoteAppeared, WriteNote},
};

pub(crate) static MIGRATIONS: Migrator = sqlx::migrate!("tests/promises/migrations");

/// What an instance is started with.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) broker_url: String,
    pub(crate) key_seed: Option<String>,
    pub(crate) location: Location,
    pub(crate) instance: String,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) options: ServiceOptions,
    pub(crate) steering: Steering,
    /// With handlers whose work comes to its end later.
    pub(crate) later: Option<Later>,
    /// Takes reports of agents.
    pub(crate) takes_reports: bool,
    /// Hears what agents say of themselves.
    pub(crate) hears: bool,
}

/// Handlers whose work comes to its end later.
#[derive(Clone)]
pub(crate) struct Later {
    /// How often the periodic work runs.
    pub(crate) interval: Duration,
    pub(crate) due: Due,
}

/// A running instance.
pub(crate) struct TestService {
    runtime: Option<Runtime>,
    parts: Option<Parts>,
    pub(crate) health: Health,
}

struct Parts {
    shutdown: Shutdown,
    broker: Broker,
    database: Database,
    _running: Running,
}

impl TestService {
    pub(crate) async fn start(setup: Setup) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let health = Health::new();
        let parts = runtime
            .spawn(start(setup, health.clone()))
            .await
            .expect("the service starts");
        let service = Self {
            runtime: Some(runtime),
            parts: Some(parts),
            health,
        };
        eventually(DEADLINE, "the service to be ready", async || {
            service.health.ready().then_some(())
        })
        .await
        .unwrap();
        service
    }

    fn parts(&self) -> &Parts {
        self.parts.as_ref().unwrap()
    }

    /// Reads from its database, which may just have come back.
    pub(crate) async fn fetch<T: Record + 'static>(&self, sql: &'static str) -> Vec<T> {
        eventually(DEADLINE, "the database", async || {
            let database = self.parts().database.clone();
            let reading = async move { database.fetch_all(sql, &[]).await };
            match self.run(reading).await {
                Ok(rows) => Some(rows),
                Err(error) if error.is_transient() => None,
                Err(error) => panic!("{error:?}"),
            }
        })
        .await
        .unwrap()
    }

    /// Runs something where the service runs: its connections belong to that runtime.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> T {
        self.runtime.as_ref().unwrap().spawn(future).await.unwrap()
    }

    pub(crate) fn broker(&self) -> Broker {
        self.parts().broker.clone()
    }

    pub(crate) fn database(&self) -> Database {
        self.parts().database.clone()
    }

    /// The names of the notes, in order.
    pub(crate) async fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .fetch::<(String,)>("SELECT name FROM notes")
            .await
            .into_iter()
            .map(|(name,)| name)
            .collect();
        names.sort();
        names
    }

    /// The dead letters that wait for an operator: id and error.
    pub(crate) async fn dead_letters(&self) -> Vec<(i64, String)> {
        self.fetch("SELECT id, error FROM dead_letters WHERE replayed_at IS NULL ORDER BY id")
            .await
    }

    /// One number.
    pub(crate) async fn number(&self, sql: &'static str) -> i64 {
        let rows: Vec<(i64,)> = self.fetch(sql).await;
        rows[0].0
    }

    /// Tells it to stop; [`TestService::stop`] waits for it.
    pub(crate) fn trigger(&self) {
        self.parts().shutdown.trigger();
    }

    /// Stops it in order.
    pub(crate) async fn stop(mut self) {
        let parts = self.parts.take().unwrap();
        let stopping = async move {
            let drained = parts.shutdown.drain(DEADLINE).await;
            parts.broker.close().await;
            parts.database.close().await;
            drained
        };
        let drained = self.run(stopping).await;
        self.end();
        assert_eq!(drained, Drained::Clean);
    }

    /// Ends it at once, as SIGKILL would: its tasks stop wherever they are.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Not from within the test's own runtime, where waiting for threads is not allowed.
            std::thread::spawn(move || runtime.shutdown_timeout(Duration::from_secs(5)))
                .join()
                .unwrap();
        }
        // The last of the database: a SQLite file can be opened again.
        self.parts = None;
    }
}

impl Drop for TestService {
    fn drop(&mut self) {
        self.end();
    }
}

async fn start(setup: Setup, health: Health) -> Parts {
    let broker = Broker::connect(BrokerOptions {
        url: setup.broker_url,
        part: Part::JobArchive,
        key_seed: setup.key_seed,
        instance: setup.instance,
        connect_deadline: DEADLINE,
    })
    .await
    .unwrap();
    let database = Database::open(&StorageOptions::new(setup.location), &MIGRATIONS)
        .await
        .unwrap();
    let shutdown = Shutdown::new();
    let environment = Environment {
        clock: setup.clock,
        ids: Arc::new(RandomIds),
    };
    let foundation = Foundation {
        broker: broker.clone(),
        database: database.clone(),
        options: setup.options,
        environment,
        metrics: Metrics::new("job-archive", "test").unwrap(),
        health,
    };
    let mut builder = ServiceBuilder::new(Service::JobArchive, foundation);
    if let Some(Later { interval, due }) = setup.later {
        builder = builder
            .begin::<BeginNote>(Beginning)
            .react::<NoteAppeared>(Reacting(setup.steering.clone()))
            .periodic("due notes", interval, DoingDue(due));
    }
    if setup.takes_reports {
        builder = builder.report::<DidIt>(Taking(setup.steering.clone()));
    }
    if setup.hears {
        builder = builder.signal::<Mood>(Hearing(setup.steering.clone()));
    }
    let running = builder
    .command::<WriteNote>(Writing(setup.steering.clone()))
    .query::<Ask>(Answering(setup.steering, database.clone()))
    .dead_letters::<job_archive::ListDeadLetters, job_archive::ReplayDeadLetter, job_archive::DiscardDeadLetter>()
    .run(&shutdown)
    .await
    .unwrap();
    Parts {
        shutdown,
        broker,
        database,
        _running: running,
    }
}
