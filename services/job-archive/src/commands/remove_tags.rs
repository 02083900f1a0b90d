//! Takes tags off every job.

use muster_contract::{
    Outcome,
    job_archive::{RemoveTags, RemovedTags},
};
use muster_messaging::{BeginCommand, Effects, HandlerError, Progress, Request};
use muster_storage::Transaction;

use super::{caller, removing::begin_removal};
use crate::domain::{removal::Removal, scope::Scope};

/// Takes [`RemoveTags`].
pub(crate) struct RemoveTagsHandler;

impl BeginCommand<RemoveTags> for RemoveTagsHandler {
    async fn begin(
        &self,
        transaction: &mut Transaction,
        requests: &[Request<RemoveTags>],
        effects: &mut Effects,
    ) -> Result<Vec<Progress<RemoveTags>>, HandlerError> {
        let mut progress = Vec::with_capacity(requests.len());
        for Request { body, context } in requests {
            let scope = Scope::of_writer(caller(context)?);
            let work = Removal::of_tags(body.tags.clone(), &scope);
            let removed = begin_removal(transaction, context.id(), work, context, effects).await?;
            progress.push(match removed {
                Some(removed) => Progress::Settled(Outcome::Done(RemovedTags { removed })),
                None => Progress::Pending,
            });
        }
        Ok(progress)
    }
}
