//! An agent's connection to NATS.

use std::{sync::Arc, time::Duration};

use async_nats::HeaderMap;
use muster_contract::{Signal, headers, subject};
use muster_platform::{Clock, ComponentHealth};
use muster_telemetry::Metrics;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{Orders, Questions, measured::Measured};
use crate::{
    BrokerError, Connection, header_map,
    link::{Dial, Link},
};

/// How an agent reaches the broker.
#[derive(Debug, Clone)]
pub struct AgentBrokerOptions {
    /// `nats://host:port`, several separated by commas.
    pub url: String,
    /// The agent's name, as the site has it.
    pub agent: String,
    /// Its private nkey; `None` only where the server asks for none (tests).
    pub key_seed: Option<String>,
    /// How long to go on trying until the first connection stands.
    pub connect_deadline: Duration,
}

/// One agent's connection to NATS; cheap to clone.
#[derive(Debug, Clone)]
pub struct AgentBroker {
    pub(super) link: Link,
    agent: Arc<str>,
    pub(super) measured: Option<Measured>,
}

impl AgentBroker {
    /// Connects, trying again until the deadline; afterwards the connection is kept up for good.
    ///
    /// # Errors
    /// Nobody answers there, the key is refused, or the server is too old.
    pub async fn connect(options: AgentBrokerOptions) -> Result<Self, BrokerError> {
        let link = Link::open(Dial {
            url: &options.url,
            name: format!("muster agent {}", options.agent),
            inbox_prefix: subject::agent_inbox_prefix(&options.agent),
            key_seed: options.key_seed.as_deref(),
            deadline: options.connect_deadline,
        })
        .await?;
        Ok(Self {
            link,
            agent: options.agent.into(),
            measured: None,
        })
    }

    /// With metrics of the orders that it takes.
    #[must_use]
    pub fn measuring(self, metrics: &Metrics, clock: Arc<dyn Clock>) -> Self {
        Self {
            measured: Some(Measured::new(metrics, clock)),
            ..self
        }
    }

    /// The agent's name.
    #[must_use]
    pub fn agent(&self) -> &str {
        &self.agent
    }

    /// Whether the connection stands at this moment.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.link.is_connected()
    }

    /// The state of the connection and its changes.
    #[must_use]
    pub fn connection(&self) -> watch::Receiver<Connection> {
        self.link.connection.clone()
    }

    /// Keeps `health` at what the connection is, until `stop`: ready while it stands, down while it does not.
    pub async fn watch(self, health: ComponentHealth, stop: CancellationToken) {
        self.link.report(health, stop).await;
    }

    /// The orders for this agent, until `stop`.
    #[must_use]
    pub fn orders(&self, stop: CancellationToken) -> Orders {
        Orders::new(self.clone(), stop)
    }

    /// What the agent is asked, until `stop`.
    #[must_use]
    pub fn questions(&self, stop: CancellationToken) -> Questions {
        Questions::new(self.clone(), stop)
    }

    /// Says something of the agent. Nobody waits for it: while the broker is away it is left out.
    pub async fn signal<S: Signal>(&self, signal: &S) {
        if !self.is_connected() {
            return;
        }
        let body = match serde_json::to_vec(signal) {
            Ok(body) if body.len() <= self.link.body_limit() => body,
            Ok(body) => {
                let length = body.len();
                warn!(target: "muster::messaging", signal = S::NAME, length, "a signal is longer than a message may be");
                return;
            }
            Err(error) => {
                warn!(target: "muster::messaging", signal = S::NAME, %error, "a signal that cannot be sent");
                return;
            }
        };
        let mut map = HeaderMap::new();
        header_map::set(&mut map, headers::SCHEMA, S::schema());
        let subject = S::subject(&self.agent);
        let client = &self.link.client;
        let _ = client.publish_with_headers(subject, map, body.into()).await;
    }

    /// Sends what is still buffered and closes the connection.
    pub async fn close(&self) {
        self.link.close().await;
    }
}
