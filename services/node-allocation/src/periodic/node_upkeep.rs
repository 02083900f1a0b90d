//! What is due to nodes by time (`hooks/upkeep.rs`).

use std::{sync::Arc, time::Duration};

use muster_messaging::{Context, Effects, HandlerError, Periodic};
use muster_platform::{Clock, Ids};
use muster_storage::Transaction;

use crate::{commands::told::emit_one, hooks::upkeep::upkeep, moment::Moment};

/// How often it is looked.
pub(crate) const INTERVAL: Duration = Duration::from_millis(500);

/// Does it.
pub(crate) struct NodeUpkeep {
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
}

impl NodeUpkeep {
    pub(crate) fn new(clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Self {
        Self { clock, ids }
    }
}

impl Periodic for NodeUpkeep {
    async fn run(
        &self,
        transaction: &mut Transaction,
        cause: &Context,
        effects: &mut Effects,
    ) -> Result<bool, HandlerError> {
        let moment = Moment {
            now: self.clock.now().as_micros(),
            ids: &*self.ids,
        };
        let (told, more) = upkeep(transaction, moment).await?;
        for told in told {
            emit_one(effects, cause, &told)?;
        }
        Ok(more)
    }
}
