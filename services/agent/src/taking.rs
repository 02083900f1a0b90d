//! Takes orders, as many as can be carried out at once.

use std::{sync::Arc, time::Duration};

use muster_messaging::Orders;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::timeout,
};
use tracing::info;

use crate::carrying_out::CarryingOut;

/// Room for orders that are carried out at once.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    free: Arc<Semaphore>,
    size: usize,
}

impl Room {
    /// How many orders there is room for.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// How many are carried out at this moment.
    pub(crate) fn taken(&self) -> usize {
        self.size.saturating_sub(self.free.available_permits())
    }
}

/// Takes orders.
pub(crate) struct Taking {
    room: Room,
}

impl Taking {
    /// So many at once.
    pub(crate) fn new(concurrency: usize) -> Self {
        let size = concurrency.clamp(1, Semaphore::MAX_PERMITS);
        let free = Arc::new(Semaphore::new(size));
        Self {
            room: Room { free, size },
        }
    }

    /// The room there is.
    pub(crate) fn room(&self) -> Room {
        self.room.clone()
    }

    /// Until the orders end; then what is being carried out may go on for `grace`.
    pub(crate) async fn run(
        self,
        mut orders: Orders,
        carrying_out: Arc<CarryingOut>,
        grace: Duration,
    ) {
        let mut running = JoinSet::new();
        // None is fetched before there is room: another process of this agent may have some.
        while let Ok(place) = self.room.free.clone().acquire_owned().await {
            let Some(order) = orders.next().await else {
                break;
            };
            let carrying_out = carrying_out.clone();
            running.spawn(async move {
                let _place: OwnedSemaphorePermit = place;
                carrying_out.run(order).await;
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
}
