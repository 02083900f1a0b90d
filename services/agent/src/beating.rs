//! Shows that the agent is alive.

use std::{sync::Arc, time::Duration};

use muster_contract::agent::{AgentBeat, ContainerHost};
use muster_messaging::AgentBroker;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::carrying_out::CarryingOut;

/// How often.
const INTERVAL: Duration = Duration::from_secs(1);

/// What is said of the agent.
pub(crate) struct Beats {
    pub(crate) broker: AgentBroker,
    pub(crate) carrying_out: Arc<CarryingOut>,
    pub(crate) instance: String,
    pub(crate) concurrency: usize,
    pub(crate) containers: Option<ContainerHost>,
}

impl Beats {
    /// Until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let beat = AgentBeat {
                instance: self.instance.clone(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                running: self.carrying_out.count(),
                concurrency: self.concurrency,
                containers: self.containers.clone(),
            };
            self.broker.signal(&beat).await;
        }
    }
}
