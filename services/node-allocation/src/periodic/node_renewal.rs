//! Free nodes that have grown old (`hooks/renewal.rs`).

use std::{sync::Arc, time::Duration};

use muster_messaging::{Context, Effects, HandlerError, Periodic};
use muster_platform::{Clock, Ids};
use muster_storage::Transaction;

use crate::{commands::told::emit_one, hooks::renewal::renew, moment::Moment};

/// How often it is looked; a node may be that much older.
pub(crate) const INTERVAL: Duration = Duration::from_mins(1);

/// Does it.
pub(crate) struct NodeRenewal {
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
}

impl NodeRenewal {
    pub(crate) fn new(clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Self {
        Self { clock, ids }
    }
}

impl Periodic for NodeRenewal {
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
        for told in renew(transaction, moment).await? {
            emit_one(effects, cause, &told)?;
        }
        Ok(false)
    }
}
