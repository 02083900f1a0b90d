//! Takes orders, as many as can be carried out at once. Orders about containers are begun as they come.

use std::{sync::Arc, time::Duration};

use muster_messaging::Orders;
use tokio::{sync::Semaphore, task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::carrying_out::CarryingOut;

/// Until `stop`; then what is being carried out may go on for `grace`.
pub(crate) async fn take(
    mut orders: Orders,
    carrying_out: Arc<CarryingOut>,
    concurrency: usize,
    grace: Duration,
    stop: CancellationToken,
) {
    let room = Arc::new(Semaphore::new(concurrency.clamp(1, Semaphore::MAX_PERMITS)));
    let mut running = JoinSet::new();
    // None is fetched before there is room: another process of this agent may have some.
    while let Some(Ok(place)) = stop.run_until_cancelled(room.clone().acquire_owned()).await {
        let Some(order) = orders.next().await else {
            break;
        };
        let carrying_out = carrying_out.clone();
        running.spawn(async move {
            Box::pin(carrying_out.run(order, place)).await;
        });
        // What has ended is let go of.
        while running.try_join_next().is_some() {}
    }
    let end = async { while running.join_next().await.is_some() {} };
    if timeout(grace, end).await.is_err() {
        info!(target: "muster::agent", "ending what still runs; it is done again after the next start");
        carrying_out.end();
        while running.join_next().await.is_some() {}
    }
}
