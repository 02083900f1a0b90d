//! Puts the streams and consumers of the contract in place. One owner does it: `muster up` on one machine,
//! `muster topology apply` elsewhere. The parts' own keys do not allow it.

use std::time::Duration;

use async_nats::jetstream::{
    context::{CreateStreamError, GetStreamError},
    stream::{Config, ConsumerError},
};
use muster_contract::topology::{Limits, command_consumer, commanded_services, streams};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::Broker;

/// Pause before the topology is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// Why the topology is not in place.
#[derive(Debug, thiserror::Error)]
pub enum TopologyError {
    /// A stream cannot be made or changed.
    #[error("stream {stream}")]
    Stream {
        /// Its name.
        stream: String,
        /// Why.
        #[source]
        source: CreateStreamError,
    },
    /// A consumer cannot be made or changed.
    #[error("consumer {consumer}")]
    Consumer {
        /// Its name.
        consumer: String,
        /// Why.
        #[source]
        source: ConsumerError,
    },
    /// A stream cannot be looked up.
    #[error("stream {stream}")]
    Look {
        /// Its name.
        stream: String,
        /// Why.
        #[source]
        source: GetStreamError,
    },
}

/// What [`differences`] found of one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The stream.
    pub stream: String,
    /// What is not as it should be; `None` = the stream is missing.
    pub found: Option<String>,
}

/// Makes every stream and consumer, and changes those that differ.
pub async fn apply(broker: &Broker, limits: &Limits) -> Result<(), TopologyError> {
    for config in streams(limits) {
        let stream = config.name.clone();
        broker
            .jetstream()
            .create_or_update_stream(config)
            .await
            .map_err(|source| TopologyError::Stream { stream, source })?;
    }
    for service in commanded_services() {
        broker
            .jetstream()
            .create_consumer_on_stream(command_consumer(service), service.command_stream())
            .await
            .map_err(|source| TopologyError::Consumer {
                consumer: service.name().to_owned(),
                source,
            })?;
    }
    Ok(())
}

/// Applies the topology now and each time the broker comes back: its storage may have been lost.
pub async fn keep_applied(broker: Broker, limits: Limits, stop: CancellationToken) {
    let mut connection = broker.connection();
    loop {
        let connected = connection.borrow_and_update().connected;
        if connected {
            match apply(&broker, &limits).await {
                Ok(()) => info!(target: "muster::messaging", "streams and consumers are in place"),
                Err(error) => {
                    warn!(target: "muster::messaging", error = %chain(&error), "streams and consumers are not in place");
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = tokio::time::sleep(RETRY_PAUSE) => continue,
                    }
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            changed = connection.changed() => if changed.is_err() { return },
        }
    }
}

/// Compares what the broker has with what it should have.
pub async fn differences(
    broker: &Broker,
    limits: &Limits,
) -> Result<Vec<Difference>, TopologyError> {
    let mut differences = Vec::new();
    for wanted in streams(limits) {
        let found = match broker.jetstream().get_stream(&wanted.name).await {
            Ok(stream) => Some(compare(&wanted, &stream.cached_info().config)),
            Err(error) if is_missing(&error) => None,
            Err(source) => {
                return Err(TopologyError::Look {
                    stream: wanted.name,
                    source,
                });
            }
        };
        if found.as_deref() != Some("") {
            differences.push(Difference {
                stream: wanted.name,
                found,
            });
        }
    }
    Ok(differences)
}

fn is_missing(error: &GetStreamError) -> bool {
    use async_nats::jetstream::{ErrorCode, context::GetStreamErrorKind};
    matches!(error.kind(), GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

fn compare(wanted: &Config, found: &Config) -> String {
    let mut texts = Vec::new();
    let mut check = |name: &str, wanted: String, found: String| {
        if wanted != found {
            texts.push(format!("{name} is {found} instead of {wanted}"));
        }
    };
    check(
        "subjects",
        format!("{:?}", wanted.subjects),
        format!("{:?}", found.subjects),
    );
    check(
        "retention",
        format!("{:?}", wanted.retention),
        format!("{:?}", found.retention),
    );
    check(
        "discard",
        format!("{:?}", wanted.discard),
        format!("{:?}", found.discard),
    );
    check(
        "storage",
        format!("{:?}", wanted.storage),
        format!("{:?}", found.storage),
    );
    check(
        "replicas",
        wanted.num_replicas.to_string(),
        found.num_replicas.to_string(),
    );
    check(
        "max_bytes",
        wanted.max_bytes.to_string(),
        found.max_bytes.to_string(),
    );
    check(
        "max_age",
        format!("{:?}", wanted.max_age),
        format!("{:?}", found.max_age),
    );
    check(
        "duplicate_window",
        format!("{:?}", wanted.duplicate_window),
        format!("{:?}", found.duplicate_window),
    );
    check(
        "persist_mode",
        format!("{:?}", wanted.persist_mode),
        format!("{:?}", found.persist_mode),
    );
    texts.join(", ")
}

/// An error with all its causes on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
