//! What a service runs on.

use muster_platform::Health;
use muster_storage::Database;
use muster_telemetry::Metrics;

use crate::{Broker, Environment, ServiceOptions};

/// What a service runs on: whoever starts it opens these.
pub struct Foundation {
    /// The connection of the service's own part.
    pub broker: Broker,
    /// Its own database, opened with its migrations.
    pub database: Database,
    /// What a site may set.
    pub options: ServiceOptions,
    /// Time and ids.
    pub environment: Environment,
    /// Instruments of the process.
    pub metrics: Metrics,
    /// Health of the process.
    pub health: Health,
}
