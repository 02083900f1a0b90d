//! The sending side.

use std::{sync::Arc, time::Duration};

use muster_contract::{Command, Outcome, Part, Principal};
use muster_messaging::{
    AskError, Broker, BrokerOptions, CommandClient, CommandClientOptions, Environment, OutcomeOf,
    QueryClient, QueryClientOptions, SendError, SendOptions,
};
use muster_platform::{Ids as _, RandomIds, Shutdown, SystemClock};
use muster_telemetry::Metrics;
use muster_testkit::{DEADLINE, eventually};
use uuid::Uuid;

use super::messages::{Act, Answer, Ask, NoteWritten, PROJECT, WriteNote};

/// Long enough for everything that has to work, short enough to see what does not.
pub(crate) const PATIENCE: Duration = DEADLINE;

/// Soon enough to tell what comes at once from what waits for a deadline or for [`PATIENCE`], on a busy machine too.
pub(crate) const AT_ONCE: Duration = Duration::from_secs(10);

/// Bytes that an answer may have.
pub(crate) const ANSWER_LIMIT: usize = 32 * 1024 * 1024;

/// What a client is started with.
#[derive(Clone)]
pub(crate) struct ClientSetup {
    pub(crate) url: String,
    pub(crate) part: Part,
    pub(crate) key_seed: Option<String>,
    pub(crate) instance: &'static str,
    pub(crate) waiter_limit: usize,
}

/// A client; cheap to clone.
#[derive(Clone)]
pub(crate) struct Ingress {
    pub(crate) broker: Broker,
    pub(crate) commands: CommandClient,
    pub(crate) queries: QueryClient,
}

impl Ingress {
    pub(crate) async fn start(setup: ClientSetup) -> Self {
        let broker = Broker::connect(BrokerOptions {
            url: setup.url,
            part: setup.part,
            key_seed: setup.key_seed,
            instance: setup.instance.to_owned(),
            connect_deadline: DEADLINE,
        })
        .await
        .unwrap();
        let environment = Environment {
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
        };
        let shutdown = Shutdown::new();
        let commands = CommandClient::start(
            broker.clone(),
            CommandClientOptions {
                waiter_limit: setup.waiter_limit,
            },
            environment.clone(),
            &Metrics::new("ingress", "test").unwrap(),
            &shutdown,
        )
        .await
        .unwrap();
        let queries = QueryClient::start(
            broker.clone(),
            QueryClientOptions {
                waiter_limit: setup.waiter_limit,
                answer_limit: ANSWER_LIMIT,
            },
            environment,
            &shutdown,
        )
        .await
        .unwrap();
        Self {
            broker,
            commands,
            queries,
        }
    }

    /// Sends a command under a new id.
    pub(crate) async fn send(
        &self,
        name: impl Into<String>,
        act: Act,
    ) -> Result<OutcomeOf<WriteNote>, SendError> {
        self.send_command(&WriteNote::new(name, act), new_id(), None, PATIENCE)
            .await
    }

    /// Sends a command that has to succeed.
    pub(crate) async fn write(&self, name: impl Into<String>) -> NoteWritten {
        done(self.send(name, Act::Write).await)
    }

    pub(crate) async fn send_command<C: Command>(
        &self,
        command: &C,
        id: Uuid,
        fingerprint: Option<&str>,
        deadline: Duration,
    ) -> Result<OutcomeOf<C>, SendError> {
        let options = SendOptions {
            id,
            correlation_id: id,
            principal: principal(),
            fingerprint: fingerprint.map(str::to_owned),
            deadline,
        };
        self.commands.send(command, options).await
    }

    pub(crate) async fn ask(&self, ask: &Ask, deadline: Duration) -> Result<Answer, AskError> {
        let answer = self.queries.ask(ask, Some(&principal()), deadline).await?;
        match answer {
            Outcome::Done(answer) => Ok(answer),
            Outcome::Refused(never) => match never {},
        }
    }

    /// Waits until the client has noticed that it is, or is not, connected.
    pub(crate) async fn see_connected(&self, connected: bool) {
        eventually(DEADLINE, "the connection to change", async || {
            (self.broker.is_connected() == connected).then_some(())
        })
        .await
        .unwrap();
    }

    /// Waits until this many commands wait for their outcome.
    pub(crate) async fn see_waiting(&self, count: usize) {
        eventually(DEADLINE, "commands to wait", async || {
            (self.commands.waiting() == count).then_some(())
        })
        .await
        .unwrap();
    }
}

pub(crate) fn new_id() -> Uuid {
    RandomIds.next()
}

pub(crate) fn principal() -> Principal {
    Principal {
        name: "alice".to_owned(),
        domain: "default".to_owned(),
        project: PROJECT.to_owned(),
        roles: vec![],
    }
}

/// The reply of a command that was carried out.
pub(crate) fn done<T, R: std::fmt::Debug>(outcome: Result<Outcome<T, R>, SendError>) -> T {
    match outcome {
        Ok(Outcome::Done(reply)) => reply,
        Ok(Outcome::Refused(refusal)) => panic!("refused: {refusal:?}"),
        Err(error) => panic!("failed: {error}"),
    }
}
