//! Shows that the agent is alive.

use std::time::Duration;

use muster_contract::agent::AgentBeat;
use muster_messaging::AgentBroker;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::taking::Room;

/// How often.
const INTERVAL: Duration = Duration::from_secs(5);

/// Until `stop`.
pub(crate) async fn beat(
    broker: AgentBroker,
    instance: String,
    room: Room,
    stop: CancellationToken,
) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let beat = AgentBeat {
            instance: instance.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            running: room.taken(),
            concurrency: room.size(),
        };
        broker.beat(&beat).await;
    }
}
