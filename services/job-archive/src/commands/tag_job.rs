//! Attaches tags to a job.

use std::collections::BTreeSet;

use muster_contract::{
    Outcome, Principal,
    job_archive::{Job, MAX_TAGS_OF_JOB, NewTag, StopTarget, TagJob, TagJobRefusal},
};
use muster_messaging::{Effects, HandleCommand, HandlerError, OutcomeOf, Request};
use muster_storage::{StorageError, Transaction};

use super::caller;
use crate::{
    archive::archiver::ArchiverBell,
    domain::{scope::Scope, storable::is_storable},
    store::{
        attach_tags::attach_tags, describe_jobs::describe_jobs, hold_job::hold_job,
        job_row::JobRow, job_tags::JobTags,
    },
};

/// Takes [`TagJob`].
pub(crate) struct TagJobHandler {
    bell: ArchiverBell,
}

impl TagJobHandler {
    /// The bell tells the archiver of jobs to be described anew.
    pub(crate) fn new(bell: ArchiverBell) -> Self {
        Self { bell }
    }
}

impl HandleCommand<TagJob> for TagJobHandler {
    async fn handle(
        &self,
        transaction: &mut Transaction,
        requests: &[Request<TagJob>],
        _: &mut Effects,
    ) -> Result<Vec<OutcomeOf<TagJob>>, HandlerError> {
        let mut outcomes = Vec::with_capacity(requests.len());
        for Request { body, context } in requests {
            let tagged = tag_job(transaction, caller(context)?, body).await?;
            outcomes.push(tagged.map_or_else(Outcome::Refused, Outcome::Done));
        }
        self.bell.ring();
        Ok(outcomes)
    }
}

/// The job as it is then, without its meta data, or why nothing was changed.
pub(crate) async fn tag_job(
    transaction: &mut Transaction,
    caller: &Principal,
    command: &TagJob,
) -> Result<Result<Job, TagJobRefusal>, StorageError> {
    let texts = |tag: &NewTag| {
        [&tag.kind, &tag.name, &tag.scope]
            .map(String::as_str)
            .map(is_storable)
    };
    if !command.tags.iter().flat_map(texts).all(|storable| storable) {
        return Ok(Err(TagJobRefusal::NulCharacter));
    }
    let scope = Scope::of_writer(caller);
    let target = StopTarget::Id(command.job);
    let Some(row) = hold_job(transaction, &target, &scope).await? else {
        return Ok(Err(TagJobRefusal::NotFound));
    };
    let before = JobTags::in_transaction(transaction, &[row.id]).await?;
    let mut tags: BTreeSet<NewTag> = before
        .all(row.id)
        .into_iter()
        .map(|tag| NewTag {
            kind: tag.kind.clone(),
            name: tag.name.clone(),
            scope: tag.scope.clone(),
        })
        .collect();
    tags.extend(command.tags.iter().cloned());
    if tags.len() > MAX_TAGS_OF_JOB {
        let limit = MAX_TAGS_OF_JOB as u64;
        return Ok(Err(TagJobRefusal::TooMany { limit }));
    }
    attach_tags(transaction, command.tags.iter().map(|tag| (row.id, tag))).await?;
    describe_jobs(transaction, &[row.id]).await?;
    as_it_is(transaction, caller, row).await.map(Ok)
}

/// The job with the tags that the caller sees, without its meta data.
pub(super) async fn as_it_is(
    transaction: &mut Transaction,
    caller: &Principal,
    row: JobRow,
) -> Result<Job, StorageError> {
    let tags = JobTags::in_transaction(transaction, &[row.id]).await?;
    let seen = tags.seen(row.id, caller);
    JobRow {
        meta_data: None,
        ..row
    }
    .into_job(seen)
}

#[cfg(test)]
mod tests;
