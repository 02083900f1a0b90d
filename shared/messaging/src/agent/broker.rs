//! An agent's connection to NATS.

use std::{sync::Arc, time::Duration};

use muster_contract::subject;
use muster_platform::ComponentHealth;
use serde::Serialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Orders;
use crate::{
    BrokerError, Connection,
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
        })
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

    /// Shows that the agent is alive. Nobody waits for it: while the broker is away it is left out.
    pub async fn beat(&self, body: &(impl Serialize + Sync)) {
        let Ok(body) = serde_json::to_vec(body) else {
            return;
        };
        if self.is_connected() {
            let subject = subject::signal(&self.agent, "beat");
            let _ = self.link.client.publish(subject, body.into()).await;
        }
    }

    /// Sends what is still buffered and closes the connection.
    pub async fn close(&self) {
        self.link.close().await;
    }
}
