//! One part's connection to NATS.

use std::{sync::Arc, time::Duration};

use async_nats::{
    Client, ConnectOptions, Event,
    jetstream::{self, context::ContextBuilder},
};
use muster_contract::{Part, subject};
use tokio::sync::watch;
use tracing::{info, warn};

/// Oldest nats-server that has what Muster needs.
const OLDEST_SERVER: (u64, u64) = (2, 11);

/// Longest pause between two attempts to connect again.
const RECONNECT_PAUSE_LIMIT: Duration = Duration::from_secs(1);

/// How long one attempt to connect may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How often the connection is probed; two missing answers and it counts as lost.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// How long the broker may take to say that it stored a message, or to answer a question of ours.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// Publications whose acknowledgement is awaited at once, at most.
const PUBLICATIONS_IN_FLIGHT: usize = 16_384;

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

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// Nobody answers there, or the key is refused.
    #[error("cannot connect to the broker at {url}")]
    Connect {
        /// Where.
        url: String,
        /// Why.
        #[source]
        source: async_nats::ConnectError,
    },
    /// The server lacks features.
    #[error("the broker is nats-server {found}, and Muster needs 2.11 or later")]
    TooOld {
        /// Its version.
        found: String,
    },
    /// A subscription was refused.
    #[error("cannot subscribe to {subject}")]
    Subscribe {
        /// To what.
        subject: String,
        /// Why.
        #[source]
        source: async_nats::SubscribeError,
    },
    /// The service API refused an endpoint.
    #[error("cannot serve {subject}: {reason}")]
    Serve {
        /// The endpoint.
        subject: String,
        /// Why.
        reason: String,
    },
}

/// State of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    /// Whether it stands.
    pub connected: bool,
    /// Raised each time it is made; whoever remembers what it sent under an earlier one has to check it.
    pub epoch: u64,
}

/// One part's connection to NATS; cheap to clone.
#[derive(Debug, Clone)]
pub struct Broker {
    client: Client,
    jetstream: jetstream::Context,
    part: Part,
    instance: Arc<str>,
    connection: watch::Receiver<Connection>,
}

impl Broker {
    /// Connects, trying again until the deadline; afterwards the connection is kept up for good.
    pub async fn connect(options: BrokerOptions) -> Result<Self, BrokerError> {
        let (state, connection) = watch::channel(Connection {
            connected: false,
            epoch: 0,
        });
        let state = Arc::new(state);
        let started = tokio::time::Instant::now();
        let client = loop {
            match connect_once(&options, &state).await {
                Ok(client) => break client,
                Err(error) if started.elapsed() < options.connect_deadline => {
                    warn!(target: "muster::messaging", url = %options.url, %error, "no broker yet");
                    tokio::time::sleep(RECONNECT_PAUSE_LIMIT / 4).await;
                }
                Err(source) => {
                    return Err(BrokerError::Connect {
                        url: options.url,
                        source,
                    });
                }
            }
        };
        let version = client.server_info().version;
        if !new_enough(&version) {
            return Err(BrokerError::TooOld { found: version });
        }
        state.send_if_modified(|connection| {
            let first = !connection.connected && connection.epoch == 0;
            if first {
                *connection = Connection {
                    connected: true,
                    epoch: 1,
                };
            }
            first
        });
        info!(target: "muster::messaging", part = %options.part, url = %options.url, %version, "connected to the broker");
        let jetstream = ContextBuilder::new()
            .timeout(ANSWER_TIMEOUT)
            .ack_timeout(ANSWER_TIMEOUT)
            .max_ack_inflight(PUBLICATIONS_IN_FLIGHT)
            .build(client.clone());
        Ok(Self {
            client,
            jetstream,
            part: options.part,
            instance: options.instance.into(),
            connection,
        })
    }

    /// Whether the connection stands at this moment.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connection.borrow().connected
    }

    /// The state of the connection and its changes.
    #[must_use]
    pub fn connection(&self) -> watch::Receiver<Connection> {
        self.connection.clone()
    }

    /// The NATS client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The JetStream context.
    #[must_use]
    pub fn jetstream(&self) -> &jetstream::Context {
        &self.jetstream
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
        self.client.server_info().max_payload
    }

    /// Sends what is still buffered and closes the connection.
    pub async fn close(&self) {
        if let Err(error) = self.client.drain().await {
            warn!(target: "muster::messaging", %error, "the connection did not drain");
        }
    }
}

async fn connect_once(
    options: &BrokerOptions,
    state: &Arc<watch::Sender<Connection>>,
) -> Result<Client, async_nats::ConnectError> {
    let mut connect = match &options.key_seed {
        Some(seed) => ConnectOptions::with_nkey(seed.clone()),
        None => ConnectOptions::new(),
    };
    let events = state.clone();
    connect = connect
        .name(format!("muster {} {}", options.part, options.instance))
        .custom_inbox_prefix(subject::inbox_prefix(options.part.name()))
        .connection_timeout(CONNECT_TIMEOUT)
        .ping_interval(PING_INTERVAL)
        .request_timeout(Some(ANSWER_TIMEOUT))
        .reconnect_delay_callback(|attempt| {
            let exponent = u32::try_from(attempt.min(7)).unwrap_or(7);
            (Duration::from_millis(10) * 2_u32.pow(exponent)).min(RECONNECT_PAUSE_LIMIT)
        })
        .event_callback(move |event| {
            let events = events.clone();
            async move { note(&events, &event) }
        });
    let servers: Vec<String> = options.url.split(',').map(str::to_owned).collect();
    connect.connect(servers).await
}

fn note(state: &watch::Sender<Connection>, event: &Event) {
    match event {
        Event::Connected => state.send_modify(|connection| {
            connection.connected = true;
            connection.epoch += 1;
        }),
        Event::Disconnected | Event::Closed => {
            state.send_modify(|connection| connection.connected = false);
            warn!(target: "muster::messaging", "the broker is away");
        }
        Event::LameDuckMode | Event::Draining => {}
        Event::SlowConsumer(subscription) => {
            warn!(target: "muster::messaging", subscription, "messages arrive faster than they are taken");
        }
        Event::ServerError(error) => {
            warn!(target: "muster::messaging", %error, "the broker reports an error");
        }
        Event::ClientError(error) => {
            warn!(target: "muster::messaging", %error, "the NATS client reports an error");
        }
    }
}

fn new_enough(version: &str) -> bool {
    let mut numbers = version
        .split(['.', '-'])
        .map(|number| number.parse().unwrap_or(0));
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    found >= OLDEST_SERVER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for version in ["2.11.0", "2.15.1", "2.15.0-dev", "3.0.0"] {
            assert!(new_enough(version), "{version}");
        }
        for version in ["2.10.29", "2.9.10", "1.4.1", "", "next"] {
            assert!(!new_enough(version), "{version}");
        }
    }
}
