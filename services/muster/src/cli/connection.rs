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

use crate::connect;

/// How long an operator's command waits.
const DEADLINE: Duration = Duration::from_secs(10);

/// Bytes that an answer may have.
const ANSWER_LIMIT: usize = 256 * 1024 * 1024;

/// Sends commands and asks questions as the operator.
pub(crate) struct OperatorConnection {
    pub(crate) broker: Broker,
    environment: Environment,
    metrics: Metrics,
    shutdown: Shutdown,
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
        })
    }

    pub(crate) async fn send<C: Command>(&self, command: &C) -> Result<C::Reply>
    where
        C::Refusal: std::fmt::Debug,
    {
        let client = CommandClient::start(
            self.broker.clone(),
            CommandClientOptions { waiter_limit: 1 },
            self.environment.clone(),
            &self.metrics,
            &self.shutdown,
        )
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
        match client.send(command, options).await? {
            Outcome::Done(reply) => Ok(reply),
            Outcome::Refused(refusal) => Err(anyhow!("refused: {refusal:?}")),
        }
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
