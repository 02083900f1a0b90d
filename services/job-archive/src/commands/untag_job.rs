//! Takes tags off a job.

use muster_contract::{
    Outcome, Principal,
    job_archive::{Job, StopTarget, UntagJob, UntagJobRefusal},
};
use muster_messaging::{Effects, HandleCommand, HandlerError, OutcomeOf, Request};
use muster_storage::{StorageError, Transaction};

use super::{caller, tag_job::as_it_is};
use crate::{
    archive::archiver::ArchiverBell,
    domain::scope::Scope,
    store::{
        describe_jobs::describe_jobs,
        detach_tags::{detach_tags, tag_numbers},
        hold_job::hold_job,
    },
};

/// Takes [`UntagJob`].
pub(crate) struct UntagJobHandler {
    bell: ArchiverBell,
}

impl UntagJobHandler {
    /// The bell tells the archiver of jobs to be described anew.
    pub(crate) fn new(bell: ArchiverBell) -> Self {
        Self { bell }
    }
}

impl HandleCommand<UntagJob> for UntagJobHandler {
    async fn handle(
        &self,
        transaction: &mut Transaction,
        requests: &[Request<UntagJob>],
        _: &mut Effects,
    ) -> Result<Vec<OutcomeOf<UntagJob>>, HandlerError> {
        let mut outcomes = Vec::with_capacity(requests.len());
        for Request { body, context } in requests {
            let untagged = untag_job(transaction, caller(context)?, body).await?;
            outcomes.push(untagged.map_or_else(Outcome::Refused, Outcome::Done));
        }
        self.bell.ring();
        Ok(outcomes)
    }
}

/// The job as it is then, without its meta data, or why nothing was changed.
pub(crate) async fn untag_job(
    transaction: &mut Transaction,
    caller: &Principal,
    command: &UntagJob,
) -> Result<Result<Job, UntagJobRefusal>, StorageError> {
    let scope = Scope::of_writer(caller);
    let target = StopTarget::Id(command.job);
    let Some(row) = hold_job(transaction, &target, &scope).await? else {
        return Ok(Err(UntagJobRefusal::NotFound));
    };
    let tags = tag_numbers(transaction, &command.tags).await?;
    detach_tags(transaction, tags.into_iter().map(|tag| (row.id, tag))).await?;
    describe_jobs(transaction, &[row.id]).await?;
    as_it_is(transaction, caller, row).await.map(Ok)
}
