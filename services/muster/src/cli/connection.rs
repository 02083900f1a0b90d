//! The operator's connection and how its commands are sent.

use std::{sync::Arc, time::Duration};

use anyhow::{Result, anyhow};
use muster_contract::{Command, Outcome, Part, Principal, Query, Role};
use muster_messaging::{
    Broker, CommandClient, CommandClientOptions, Environment, QueryClient, QueryClientOptions,
    SendOptions,
};
use muster_platform::{Ids, RandomIds, Settings, Shutdown, SystemClock};
use muster_telemetry::Metrics;
use tokio::sync::OnceCell;

use crate::connect;

/// How long an operator's command waits.
const DEADLINE: Duration = Duration::from_secs(10);

/// Commands of one operator on their way at once.
const WAITER_LIMIT: usize = 64;

/// Bytes that an answer may have.
const ANSWER_LIMIT: usize = 256 * 1024 * 1024;

/// Sends commands and asks questions as the operator.
pub(crate) struct OperatorConnection {
    pub(crate) broker: Broker,
    environment: Environment,
    metrics: Metrics,
    shutdown: Shutdown,
    /// Made with the first command.
    commands: OnceCell<CommandClient>,
}

impl OperatorConnection {
    pub(crate) async fn open(settings: &Settings) -> Result<Self> {
        let instance = RandomIds.next().simple().to_string();
        let broker = connect::connect(settings, Part::Operator, &instance).await?;
        Ok(Self {
            broker,
            environment: Environment {
                clock: Arc::new(SystemClock),
                ids: Arc::new(RandomIds),
            },
            metrics: Metrics::new("muster-operator", instance)?,
            shutdown: Shutdown::new(),
            commands: OnceCell::new(),
        })
    }

    pub(crate) async fn send<C: Command>(&self, command: &C) -> Result<C::Reply>
    where
        C::Refusal: std::fmt::Debug,
    {
        match self.outcome(command).await? {
            Outcome::Done(reply) => Ok(reply),
            Outcome::Refused(refusal) => Err(anyhow!("refused: {refusal:?}")),
        }
    }

    /// The same; what is refused is for the caller to tell.
    pub(crate) async fn outcome<C: Command>(
        &self,
        command: &C,
    ) -> Result<Outcome<C::Reply, C::Refusal>> {
        let client = self
            .commands
            .get_or_try_init(|| {
                CommandClient::start(
                    self.broker.clone(),
                    CommandClientOptions {
                        waiter_limit: WAITER_LIMIT,
                    },
                    self.environment.clone(),
                    &self.metrics,
                    &self.shutdown,
                )
            })
            .await?;
        let id = self.environment.ids.next();
        let options = SendOptions {
            id,
            correlation_id: id,
            principal: Principal {
                name: "operator".to_owned(),
                domain: "default".to_owned(),
                project: String::new(),
                roles: vec![Role::Superadmin],
            },
            fingerprint: None,
            deadline: DEADLINE,
        };
        Ok(client.send(command, options).await?)
    }

    pub(crate) async fn ask<Q: Query>(&self, query: &Q) -> Result<Q::Answer>
    where
        Q::Refusal: std::fmt::Debug,
    {
        let client = QueryClient::start(
            self.broker.clone(),
            QueryClientOptions {
                waiter_limit: 1,
                answer_limit: ANSWER_LIMIT,
            },
            self.environment.clone(),
            &self.shutdown,
        )
        .await?;
        match client.ask(query, None, DEADLINE).await? {
            Outcome::Done(answer) => Ok(answer),
            Outcome::Refused(refusal) => Err(anyhow!("refused: {refusal:?}")),
        }
    }
}
