//! Sessions: what belongs together, has an owner and a life (design §1). Each kind is a folder that reads like a service:
//!
//! - [`compute_sessions`]: containers that run an image, on slots of agents
//! - [`job_sessions`]: jobs that start together, with a tag for each run
//! - [`node_sessions`]: named stacks of nodes that grow and shrink
//!
//! The tables are in `migrations/session`.

mod compute_sessions;
mod job_sessions;
mod migrations;
mod node_sessions;

use std::time::Duration;

use muster_contract::{
    Service,
    session::{DiscardDeadLetter, ListDeadLetters, ReplayDeadLetter},
};
use muster_messaging::{BrokerError, Foundation, Running, ServiceBuilder};
use muster_platform::Shutdown;

pub use compute_sessions::ComputeLimits;
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
/// [`MIGRATIONS`], with the hooks of the site. `job_run_limit`: how long a job of a job session's run may take before it is ended on
/// its behalf; `compute_limits`: how long things of compute sessions may take. It stops in order when `shutdown` is triggered; the returned value must be kept until then.
pub async fn start(
    foundation: Foundation,
    hooks: SiteSessionHooks,
    job_run_limit: Duration,
    compute_limits: ComputeLimits,
    shutdown: &Shutdown,
) -> Result<Running, StartError> {
    let database = foundation.database.clone();
    let environment = foundation.environment.clone();
    let builder = ServiceBuilder::new(Service::Session, foundation)
        .dead_letters::<ListDeadLetters, ReplayDeadLetter, DiscardDeadLetter>();
    let builder = node_sessions::register(builder, &database, &environment, hooks);
    let builder = job_sessions::register(builder, &database, &environment, job_run_limit);
    let builder = compute_sessions::register(builder, &database, &environment, compute_limits);
    Ok(builder.run(shutdown).await?)
}
