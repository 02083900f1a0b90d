//! Section `nats`.

use std::path::PathBuf;

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

use super::checks::SectionChecks;
use super::connection_url::ConnectionUrl;

/// The largest message the broker is set up to take (`max_payload`), headers included.
pub const BROKER_MAX_PAYLOAD: ByteSize = ByteSize::mib(8);

const DEFAULT_SERVER_BINARY: &str = "nats-server";

/// More copies than this `JetStream` does not keep.
const MOST_REPLICAS: usize = 5;

/// The broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NatsSettings {
    /// Where the broker is, such as `nats://127.0.0.1:4222`; several servers of one cluster
    /// separated by commas. Default: none; `muster up` starts its own.
    pub url: Option<ConnectionUrl>,
    /// Directory with the key of each part, `<part>.nk`. Default: `nats` in the data directory, see
    /// [`Settings::nats_key_directory`](super::Settings::nats_key_directory). Absolute after
    /// loading.
    pub key_directory: Option<PathBuf>,
    /// The nats-server program that `muster up` starts: a path, or a name looked up in `PATH`.
    /// Default: `nats-server`.
    pub server_binary: PathBuf,
    /// The port of a broker started by `muster up`. Default: 0, a free one.
    pub port: u16,
    /// How many servers keep each stream: 1 on one server, 3 on a cluster. Default: 1.
    pub replicas: usize,
}

impl Default for NatsSettings {
    fn default() -> Self {
        Self {
            url: None,
            key_directory: None,
            server_binary: DEFAULT_SERVER_BINARY.into(),
            port: 0,
            replicas: 1,
        }
    }
}

impl NatsSettings {
    pub(super) fn check(&self, checks: &mut SectionChecks<'_>) {
        checks.require(
            "replicas",
            (1..=MOST_REPLICAS).contains(&self.replicas),
            format!("a number from 1 to {MOST_REPLICAS}"),
        );
    }
}
