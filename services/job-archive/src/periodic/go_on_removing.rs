//! Goes on with removals that take more than one transaction, and answers those who wait for them.

use std::time::Duration;

use muster_contract::{
    Outcome,
    job_archive::{DeleteJobsBefore, DeletedJobs, RemoveTags, RemovedTags},
};
use muster_messaging::{Context, Effects, HandlerError, Periodic};
use muster_storage::Transaction;

use crate::{
    commands::removing::carry_on,
    domain::removal::Removal,
    store::removals::{OpenRemoval, advance_removal, forget_removal, next_removal},
};

/// How often it is looked whether there is one.
pub(crate) const INTERVAL: Duration = Duration::from_secs(1);

/// Goes on.
pub(crate) struct GoOnRemoving;

impl Periodic for GoOnRemoving {
    async fn run(
        &self,
        transaction: &mut Transaction,
        cause: &Context,
        effects: &mut Effects,
    ) -> Result<bool, HandlerError> {
        let Some(mut removal) = next_removal(transaction).await? else {
            return Ok(false);
        };
        carry_on(transaction, &mut removal, cause, effects).await?;
        if removal.work.is_done() {
            forget_removal(transaction, removal.command).await?;
            settle(&removal, effects)?;
        } else {
            advance_removal(transaction, &removal).await?;
        }
        Ok(true)
    }
}

fn settle(removal: &OpenRemoval, effects: &mut Effects) -> Result<(), HandlerError> {
    let (command, removed) = (removal.command, removal.removed);
    match removal.work {
        Removal::Jobs { .. } => {
            let outcome = Outcome::Done(DeletedJobs { deleted: removed });
            effects.settle::<DeleteJobsBefore>(command, &outcome)
        }
        Removal::Tags { .. } => {
            let outcome = Outcome::Done(RemovedTags { removed });
            effects.settle::<RemoveTags>(command, &outcome)
        }
    }
}
