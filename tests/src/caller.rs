//! Commands and questions as the ingress sends them, without HTTP.

use std::{fs, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use muster_contract::{Command, Outcome, Part, Principal, Query, Role};
use muster_messaging::{
    Broker, BrokerOptions, CommandClient, CommandClientOptions, Environment, OutcomeOf,
    QueryClient, QueryClientOptions, SendOptions,
};
use muster_platform::{Ids as _, RandomIds, Shutdown, SystemClock};
use muster_telemetry::Metrics;

use crate::System;

/// How long a command or a question waits: longer than any part that was killed takes to come back.
const PATIENCE: Duration = Duration::from_mins(1);

/// Bytes that an answer may have.
const ANSWER_LIMIT: usize = 16 * 1024 * 1024;

/// A second ingress.
pub struct Caller {
    commands: CommandClient,
    queries: QueryClient,
    /// Its tasks end with it.
    shutdown: Shutdown,
}

impl Caller {
    /// With the ingress's own key.
    pub async fn start(system: &System) -> Result<Self> {
        let read = |name: &str| {
            let path = system.data().join("nats").join(name);
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
        };
        let instance = RandomIds.next().simple().to_string();
        let broker = Broker::connect(BrokerOptions {
            url: format!("nats://{}", read("address")?.trim()),
            part: Part::Ingress,
            key_seed: Some(read("ingress.nk")?.trim().to_owned()),
            instance: instance.clone(),
            connect_deadline: PATIENCE,
        })
        .await?;
        let environment = Environment {
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
        };
        let shutdown = Shutdown::new();
        let commands = CommandClient::start(
            broker.clone(),
            CommandClientOptions { waiter_limit: 1024 },
            environment.clone(),
            &Metrics::new("muster-tests", instance)?,
            &shutdown,
        )
        .await?;
        let options = QueryClientOptions {
            waiter_limit: 1024,
            answer_limit: ANSWER_LIMIT,
        };
        let queries = QueryClient::start(broker, options, environment, &shutdown).await?;
        Ok(Self {
            commands,
            queries,
            shutdown,
        })
    }

    /// Sends a command on behalf of a user of this project.
    pub async fn send<C: Command>(&self, project: &str, command: &C) -> Result<OutcomeOf<C>> {
        let id = RandomIds.next();
        let options = SendOptions {
            id,
            correlation_id: id,
            principal: Principal {
                name: format!("{project}-user"),
                domain: "default".to_owned(),
                project: project.to_owned(),
                roles: vec![Role::User],
            },
            fingerprint: None,
            deadline: PATIENCE,
        };
        Ok(self.commands.send(command, options).await?)
    }

    /// Asks.
    pub async fn ask<Q: Query>(&self, query: &Q) -> Result<Q::Answer>
    where
        Q::Refusal: std::fmt::Debug,
    {
        match self.queries.ask(query, None, PATIENCE).await? {
            Outcome::Done(answer) => Ok(answer),
            Outcome::Refused(refusal) => anyhow::bail!("refused: {refusal:?}"),
        }
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.shutdown.trigger();
    }
}
