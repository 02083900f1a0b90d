//! A connection to NATS, whoever signs in.

use std::{
    sync::{Arc, OnceLock, atomic::Ordering},
    time::Duration,
};

use async_nats::{
    Client, ConnectOptions, Event, Statistics,
    connection::State,
    jetstream::{self, context::ContextBuilder},
};
use muster_platform::ComponentHealth;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
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

/// Room for the headers in a message of the longest length.
const HEADER_ROOM: usize = 16 * 1024;

/// How to connect.
pub(crate) struct Dial<'a> {
    /// `nats://host:port`, several separated by commas.
    pub(crate) url: &'a str,
    /// Who connects, for the broker's own lists.
    pub(crate) name: String,
    /// Where answers come in; nobody else may listen there.
    pub(crate) inbox_prefix: String,
    pub(crate) key_seed: Option<&'a str>,
    /// How long to go on trying until the first connection stands.
    pub(crate) deadline: Duration,
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
    /// How often it was made; whoever remembers what it sent under an earlier one has to check it.
    pub epoch: u64,
}

/// A connection to NATS; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) client: Client,
    pub(crate) jetstream: jetstream::Context,
    pub(crate) connection: watch::Receiver<Connection>,
    payload_limit: usize,
    statistics: Arc<Statistics>,
}

/// The state of a connection, kept up by its events.
struct Watched {
    state: watch::Sender<Connection>,
    /// The client's own count of connections. It is there only once the client is.
    statistics: OnceLock<Arc<Statistics>>,
}

impl Link {
    /// Connects, trying again until the deadline; afterwards the connection is kept up for good.
    pub(crate) async fn open(dial: Dial<'_>) -> Result<Self, BrokerError> {
        let started = tokio::time::Instant::now();
        let (client, watched) = loop {
            match connect_once(&dial).await {
                Ok(connected) => break connected,
                Err(error) if started.elapsed() < dial.deadline => {
                    warn!(target: "muster::messaging", url = dial.url, %error, "no broker yet");
                    tokio::time::sleep(RECONNECT_PAUSE_LIMIT / 4).await;
                }
                Err(source) => {
                    return Err(BrokerError::Connect {
                        url: dial.url.to_owned(),
                        source,
                    });
                }
            }
        };
        let server = client.server_info();
        if !new_enough(&server.version) {
            return Err(BrokerError::TooOld {
                found: server.version,
            });
        }
        info!(target: "muster::messaging", who = dial.name, url = dial.url, version = server.version, "connected to the broker");
        let jetstream = ContextBuilder::new()
            .timeout(ANSWER_TIMEOUT)
            .ack_timeout(ANSWER_TIMEOUT)
            .max_ack_inflight(PUBLICATIONS_IN_FLIGHT)
            .build(client.clone());
        Ok(Self {
            statistics: client.statistics(),
            client,
            jetstream,
            payload_limit: server.max_payload,
            connection: watched.state.subscribe(),
        })
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.connection.borrow().connected
    }

    /// How often the connection was made, to the moment: unlike `connection`, which learns of it a little later, this has
    /// counted a connection before anything comes through it.
    pub(crate) fn epoch(&self) -> u64 {
        self.statistics.connects.load(Ordering::Relaxed)
    }

    /// Keeps `health` at what the connection is, until `stop`: ready while it stands, down while it does not.
    pub(crate) async fn report(&self, health: ComponentHealth, stop: CancellationToken) {
        let mut connection = self.connection.clone();
        let reporting = async {
            loop {
                if connection.borrow_and_update().connected {
                    health.ready();
                } else {
                    health.down("the broker is away");
                }
                if connection.changed().await.is_err() {
                    return health.down("the connection to the broker is closed");
                }
            }
        };
        stop.run_until_cancelled(reporting).await;
    }

    pub(crate) fn payload_limit(&self) -> usize {
        self.payload_limit
    }

    /// Bytes that the body of a message with headers may have.
    pub(crate) fn body_limit(&self) -> usize {
        self.payload_limit.saturating_sub(HEADER_ROOM)
    }

    /// Sends what is still buffered and closes the connection.
    pub(crate) async fn close(&self) {
        if let Err(error) = self.client.drain().await {
            warn!(target: "muster::messaging", %error, "the connection did not drain");
        }
    }
}

async fn connect_once(dial: &Dial<'_>) -> Result<(Client, Arc<Watched>), async_nats::ConnectError> {
    let connect = match dial.key_seed {
        Some(seed) => ConnectOptions::with_nkey(seed.to_owned()),
        None => ConnectOptions::new(),
    };
    let watched = Arc::new(Watched {
        state: watch::Sender::new(Connection {
            connected: false,
            epoch: 0,
        }),
        statistics: OnceLock::new(),
    });
    let events = watched.clone();
    let client = connect
        .name(&dial.name)
        .custom_inbox_prefix(&dial.inbox_prefix)
        .connection_timeout(CONNECT_TIMEOUT)
        .ping_interval(PING_INTERVAL)
        .request_timeout(Some(ANSWER_TIMEOUT))
        .reconnect_delay_callback(reconnect_pause)
        .event_callback(move |event| {
            let events = events.clone();
            async move { events.note(&event) }
        })
        .connect(dial.url.split(',').map(str::to_owned).collect::<Vec<_>>())
        .await?;
    watched.start(&client);
    Ok((client, watched))
}

/// The first attempt is made at once.
fn reconnect_pause(attempt: usize) -> Duration {
    let Some(exponent @ 1..) = attempt.checked_sub(1) else {
        return Duration::ZERO;
    };
    let exponent = u32::try_from(exponent.min(7)).unwrap_or(7);
    (Duration::from_millis(10) * 2_u32.pow(exponent)).min(RECONNECT_PAUSE_LIMIT)
}

impl Watched {
    fn start(&self, client: &Client) {
        let statistics = self.statistics.get_or_init(|| client.statistics());
        self.state.send_replace(Connection {
            connected: client.connection_state() == State::Connected,
            epoch: statistics.connects.load(Ordering::Relaxed),
        });
    }

    fn note(&self, event: &Event) {
        match event {
            // Closed means: by us.
            Event::Connected | Event::LameDuckMode | Event::Draining | Event::Closed => {}
            Event::Disconnected => {
                warn!(target: "muster::messaging", "the broker is away");
            }
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
        let Some(statistics) = self.statistics.get() else {
            return;
        };
        // The client drops events when many come at once, so a new connection is seen by its count, at whatever event.
        let epoch = statistics.connects.load(Ordering::Relaxed);
        self.state.send_if_modified(|connection| {
            let now = if epoch != connection.epoch {
                Connection {
                    connected: true,
                    epoch,
                }
            } else if matches!(event, Event::Disconnected | Event::Closed) {
                Connection {
                    connected: false,
                    epoch,
                }
            } else {
                return false;
            };
            std::mem::replace(connection, now) != now
        });
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
    fn the_first_attempt_to_reconnect_is_made_at_once_and_pauses_are_bounded() {
        assert_eq!(reconnect_pause(0), Duration::ZERO);
        assert_eq!(reconnect_pause(1), Duration::ZERO);
        assert_eq!(reconnect_pause(2), Duration::from_millis(20));
        assert_eq!(reconnect_pause(usize::MAX), RECONNECT_PAUSE_LIMIT);
    }

    #[test]
    fn a_new_connection_is_noticed_even_if_its_own_event_is_lost() {
        let statistics = Arc::new(Statistics::default());
        let watched = Watched {
            state: watch::Sender::new(Connection {
                connected: true,
                epoch: 1,
            }),
            statistics: OnceLock::from(statistics.clone()),
        };
        statistics.connects.store(1, Ordering::Relaxed);
        watched.note(&Event::Connected);
        watched.note(&Event::Disconnected);
        let away = Connection {
            connected: false,
            epoch: 1,
        };
        assert_eq!(*watched.state.borrow(), away);
        statistics.connects.store(2, Ordering::Relaxed);
        watched.note(&Event::SlowConsumer(1));
        let back = Connection {
            connected: true,
            epoch: 2,
        };
        assert_eq!(*watched.state.borrow(), back);
    }

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
