//! Starts the agent.

use std::{path::PathBuf, sync::Arc, time::Duration};

use muster_messaging::{AgentBroker, Environment};
use muster_platform::Shutdown;

use crate::{
    StateError, beating::Beats, carrying_out::CarryingOut, hooks::HookRunner, taking::take,
};

/// What an operator chooses.
#[derive(Debug, Clone)]
pub struct AgentOptions {
    /// Tells this process from others of the same agent.
    pub instance: String,
    /// Where the programs of the site are.
    pub hooks_directory: PathBuf,
    /// Where it notes what it does; no other process may use it.
    pub state_directory: PathBuf,
    /// How many orders are carried out at once.
    pub concurrency: usize,
    /// How long what is being carried out may go on after the sign to stop.
    pub stop_grace: Duration,
}

/// Why the agent does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There are no hooks.
    #[error("there is no directory {} with hooks", .0.display())]
    NoHooks(PathBuf),
    /// Its notes.
    #[error(transparent)]
    State(#[from] StateError),
}

/// Ends what an earlier process left running, then takes orders and carries them out until `shutdown` is triggered, and a
/// little longer.
pub async fn start(
    broker: AgentBroker,
    options: AgentOptions,
    environment: &Environment,
    shutdown: &Shutdown,
) -> Result<(), StartError> {
    if !options.hooks_directory.is_dir() {
        return Err(StartError::NoHooks(options.hooks_directory));
    }
    let clock = environment.clock.clone();
    let hooks = HookRunner::new(options.hooks_directory, &options.state_directory, clock).await?;
    let stop = shutdown.token();
    let carrying_out = Arc::new(CarryingOut::new(hooks, stop.clone()));
    let beats = Beats {
        broker: broker.clone(),
        carrying_out: carrying_out.clone(),
        instance: options.instance,
        concurrency: options.concurrency,
    };
    shutdown.spawn("agent: beats", beats.run(stop.clone()));
    let (orders, room, grace) = (
        broker.orders(stop.clone()),
        options.concurrency,
        options.stop_grace,
    );
    shutdown.spawn(
        "agent: orders",
        take(orders, carrying_out, room, grace, stop),
    );
    Ok(())
}
