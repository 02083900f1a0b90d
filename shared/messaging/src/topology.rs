//! Puts the streams and consumers of the contract in place. One owner does it: `muster up` on one machine,
//! `muster topology apply` elsewhere. The parts' own keys do not allow it.

use std::time::Duration;

use async_nats::jetstream::{
    consumer::pull,
    context::{ConsumerInfoError, ConsumerInfoErrorKind, CreateStreamError, GetStreamError},
    stream::{Config, ConsumerError, Stream},
};
#[cfg(doc)]
use muster_contract::topology::ORDER_AGE;
use muster_contract::topology::{Limits, consumers, streams};
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
    /// A consumer cannot be looked up.
    #[error("consumer {consumer}")]
    LookAtConsumer {
        /// Its name.
        consumer: String,
        /// Why.
        #[source]
        source: ConsumerInfoError,
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

/// Makes every stream and consumer, also those of the agents with these names, and changes those that differ. A consumer of an
/// agent that is no more stays: it costs little, and what it leads to is gone after [`ORDER_AGE`].
pub async fn apply(
    broker: &Broker,
    limits: &Limits,
    agents: &[String],
) -> Result<(), TopologyError> {
    for config in streams(limits) {
        let stream = config.name.clone();
        broker
            .jetstream()
            .create_or_update_stream(config)
            .await
            .map_err(|source| TopologyError::Stream { stream, source })?;
    }
    for (stream, config) in consumers(limits, agents) {
        let consumer = name_of(stream, &config);
        broker
            .jetstream()
            .create_consumer_on_stream(config, stream)
            .await
            .map_err(|source| TopologyError::Consumer { consumer, source })?;
    }
    Ok(())
}

/// Applies the topology now and each time the broker comes back: its storage may have been lost.
pub async fn keep_applied(
    broker: Broker,
    limits: Limits,
    agents: Vec<String>,
    stop: CancellationToken,
) {
    let mut connection = broker.connection();
    loop {
        let connected = connection.borrow_and_update().connected;
        if connected {
            match apply(&broker, &limits, &agents).await {
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
    agents: &[String],
) -> Result<Vec<Difference>, TopologyError> {
    let consumers = consumers(limits, agents);
    let mut differences = Vec::new();
    for wanted in streams(limits) {
        let found = match broker.jetstream().get_stream(&wanted.name).await {
            Ok(stream) => {
                let mut texts = Texts::default();
                compare(&wanted, &stream.cached_info().config, &mut texts);
                for (_, config) in consumers.iter().filter(|(name, _)| *name == wanted.name) {
                    compare_consumer(&stream, config, &mut texts).await?;
                }
                Some(texts.0.join(", "))
            }
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

/// What is not as it should be.
#[derive(Default)]
struct Texts(Vec<String>);

impl Texts {
    fn check<T: PartialEq + std::fmt::Debug>(&mut self, name: &str, wanted: &T, found: &T) {
        if wanted != found {
            self.0
                .push(format!("{name} is {found:?} instead of {wanted:?}"));
        }
    }
}

fn is_missing(error: &GetStreamError) -> bool {
    use async_nats::jetstream::{ErrorCode, context::GetStreamErrorKind};
    matches!(error.kind(), GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

fn compare(wanted: &Config, found: &Config, texts: &mut Texts) {
    texts.check("subjects", &wanted.subjects, &found.subjects);
    texts.check("retention", &wanted.retention, &found.retention);
    texts.check("discard", &wanted.discard, &found.discard);
    texts.check("storage", &wanted.storage, &found.storage);
    texts.check("replicas", &wanted.num_replicas, &found.num_replicas);
    texts.check("max_bytes", &wanted.max_bytes, &found.max_bytes);
    texts.check("max_age", &wanted.max_age, &found.max_age);
    texts.check(
        "duplicate_window",
        &wanted.duplicate_window,
        &found.duplicate_window,
    );
    texts.check("persist_mode", &wanted.persist_mode, &found.persist_mode);
}

async fn compare_consumer(
    stream: &Stream,
    wanted: &pull::Config,
    texts: &mut Texts,
) -> Result<(), TopologyError> {
    let name = wanted.durable_name.as_deref().unwrap_or_default();
    let found = match stream.consumer_info(name).await {
        Ok(info) => info.config,
        Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => {
            texts.0.push(format!("consumer {name} is missing"));
            return Ok(());
        }
        Err(source) => {
            return Err(TopologyError::LookAtConsumer {
                consumer: name_of(&stream.cached_info().config.name, wanted),
                source,
            });
        }
    };
    let of = |property: &str| format!("consumer {name}'s {property}");
    texts.check(&of("ack_policy"), &wanted.ack_policy, &found.ack_policy);
    texts.check(&of("ack_wait"), &wanted.ack_wait, &found.ack_wait);
    texts.check(&of("max_deliver"), &wanted.max_deliver, &found.max_deliver);
    texts.check(
        &of("max_ack_pending"),
        &wanted.max_ack_pending,
        &found.max_ack_pending,
    );
    texts.check(
        &of("filter_subject"),
        &wanted.filter_subject,
        &found.filter_subject,
    );
    texts.check(
        &of("filter_subjects"),
        &wanted.filter_subjects,
        &found.filter_subjects,
    );
    Ok(())
}

fn name_of(stream: &str, consumer: &pull::Config) -> String {
    let name = consumer.durable_name.as_deref().unwrap_or_default();
    format!("{name} on {stream}")
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
