//! One part's connection to NATS.

use std::{sync::Arc, time::Duration};

use async_nats::{Client, jetstream};
use muster_contract::{Part, subject};
use muster_platform::ComponentHealth;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::link::{BrokerError, Connection, Dial, Link};

/// How to reach the broker.
#[derive(Debug, Clone)]
pub struct BrokerOptions {
    /// `nats://host:port`, several separated by commas.
    pub url: String,
    /// Who connects.
    pub part: Part,
    /// The part's private nkey; `None` only where the server asks for none (tests).
    pub key_seed: Option<String>,
    /// Tells the instances of one part from each other; part of subjects, so letters and digits.
    pub instance: String,
    /// How long to go on trying until the first connection stands.
    pub connect_deadline: Duration,
}

/// One part's connection to NATS; cheap to clone.
#[derive(Debug, Clone)]
pub struct Broker {
    link: Link,
    part: Part,
    instance: Arc<str>,
}

impl Broker {
    /// Connects, trying again until the deadline; afterwards the connection is kept up for good.
    pub async fn connect(options: BrokerOptions) -> Result<Self, BrokerError> {
        let link = Link::open(Dial {
            url: &options.url,
            name: format!("muster {} {}", options.part, options.instance),
            inbox_prefix: subject::inbox_prefix(options.part.name()),
            key_seed: options.key_seed.as_deref(),
            deadline: options.connect_deadline,
        })
        .await?;
        Ok(Self {
            link,
            part: options.part,
            instance: options.instance.into(),
        })
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

    /// How often the connection was made, to the moment.
    pub(crate) fn epoch(&self) -> u64 {
        self.link.epoch()
    }

    /// Keeps `health` at what the connection is, until `stop`: ready while it stands, down while it does not.
    pub async fn report(self, health: ComponentHealth, stop: CancellationToken) {
        self.link.report(health, stop).await;
    }

    /// The NATS client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.link.client
    }

    /// The JetStream context.
    #[must_use]
    pub fn jetstream(&self) -> &jetstream::Context {
        &self.link.jetstream
    }

    /// Who is connected.
    #[must_use]
    pub fn part(&self) -> Part {
        self.part
    }

    /// Which instance of the part.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// Bytes that one message may have, headers included.
    #[must_use]
    pub fn payload_limit(&self) -> usize {
        self.link.payload_limit()
    }

    /// Bytes that the body of a message with headers may have.
    #[must_use]
    pub fn body_limit(&self) -> usize {
        self.link.body_limit()
    }

    /// Sends what is still buffered and closes the connection.
    pub async fn close(&self) {
        self.link.close().await;
    }
}
