//! Sessions: what belongs together, has an owner and a life.

mod migrations;

use muster_contract::{
    Service,
    session::{DiscardDeadLetter, ListDeadLetters, ReplayDeadLetter},
};
use muster_messaging::{BrokerError, Foundation, Running, ServiceBuilder};
use muster_platform::Shutdown;

pub use migrations::MIGRATIONS;

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The broker.
    #[error("the session service could not start on the broker")]
    Broker(#[from] BrokerError),
}

/// Starts to take commands and answer queries, on the connection of the part `session` and a database opened with
/// [`MIGRATIONS`]. It stops in order when `shutdown` is triggered; the returned value must be kept until then.
pub async fn start(foundation: Foundation, shutdown: &Shutdown) -> Result<Running, StartError> {
    let running = ServiceBuilder::new(Service::Session, foundation)
        .dead_letters::<ListDeadLetters, ReplayDeadLetter, DiscardDeadLetter>()
        .run(shutdown)
        .await?;
    Ok(running)
}
