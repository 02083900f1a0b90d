//! Sessions: what belongs together, has an owner and a life (design §1). Each kind is a folder that reads like a service:
//!
//! - [`compute_sessions`]: containers that run an image, on slots of agents
//! - [`job_sessions`]: jobs that start together, with a tag for each run
//! - [`node_sessions`]: named stacks of nodes that grow and shrink
//!
//! The tables are in `migrations/session`.

mod compute_sessions;
mod job_sessions;
mod measures;
mod migrations;
mod node_sessions;
#[cfg(test)]
mod testing;

use muster_contract::{
    Service,
    session::{DiscardDeadLetter, ListDeadLetters, ReplayDeadLetter},
};
use muster_messaging::{BrokerError, Foundation, Running, ServiceBuilder};
use muster_platform::{Shutdown, settings::SessionSettings};

use self::{compute_sessions::ComputeLimits, measures::SessionLevels};

pub use migrations::MIGRATIONS;
pub use node_sessions::SiteSessionHooks;

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The broker.
    #[error("the session service could not start on the broker")]
    Broker(#[from] BrokerError),
}

/// Starts to take commands and answer queries, on the connection of the part `session` and a database opened with
/// [`MIGRATIONS`], with the hooks of the site. Of the settings it takes how long things may take and are remembered. It stops in order when
/// `shutdown` is triggered; the returned value must be kept until then.
pub async fn start(
    foundation: Foundation,
    hooks: SiteSessionHooks,
    settings: &SessionSettings,
    shutdown: &Shutdown,
) -> Result<Running, StartError> {
    let database = foundation.database.clone();
    let environment = foundation.environment.clone();
    let builder = ServiceBuilder::new(Service::Session, foundation)
        .measure(SessionLevels(database.clone()))
        .dead_letters::<ListDeadLetters, ReplayDeadLetter, DiscardDeadLetter>();
    let builder = node_sessions::register(builder, &database, &environment, hooks);
    let builder = job_sessions::register(builder, &database, &environment, settings);
    let limits = ComputeLimits::of(settings);
    let builder = compute_sessions::register(builder, &database, &environment, limits);
    Ok(builder.run(shutdown).await?)
}
