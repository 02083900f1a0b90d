//! Says again and again what containers use.

use std::{sync::Arc, time::Duration};

use muster_contract::agent::ContainersUsage;
use muster_messaging::AgentBroker;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::containers::Containers;

/// How often.
const INTERVAL: Duration = Duration::from_secs(2);

/// Containers in one message.
const IN_ONE: usize = 500;

/// Every so many times containers are forgotten that are over long since.
const FORGOTTEN_EVERY: u64 = 300;

/// Until `stop`.
pub(crate) async fn count(
    broker: AgentBroker,
    containers: Arc<Containers>,
    stop: CancellationToken,
) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut counted: u64 = 0;
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        for some in containers.usage().await.chunks(IN_ONE) {
            let containers = some.to_vec();
            broker.signal(&ContainersUsage { containers }).await;
        }
        counted += 1;
        if counted.is_multiple_of(FORGOTTEN_EVERY) {
            containers.forget_old().await;
        }
    }
}
