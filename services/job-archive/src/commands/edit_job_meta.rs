//! Changes what is told of a job besides.

use std::collections::BTreeMap;

use muster_contract::{
    Outcome, Principal,
    job_archive::{EditJobMeta, EditJobMetaRefusal, Job},
};
use muster_messaging::{Effects, HandleCommand, HandlerError, OutcomeOf, Request};
use muster_storage::{StorageError, Transaction};

use super::caller;
use crate::{
    archive::archiver::ArchiverBell,
    domain::scope::Scope,
    store::{
        describe_jobs::describe_jobs, hold_job::hold_job, job_row::JobRow, job_tags::JobTags,
        meta_data::write_meta_data, unreadable,
    },
};

/// Bytes that the documents of an edited job may have: what is answered goes in one message of the broker, of which
/// 8 MiB is the longest.
pub(crate) const DOCUMENTS_LIMIT: usize = 6 * 1024 * 1024;

/// Takes [`EditJobMeta`].
pub(crate) struct EditJobMetaHandler {
    bell: ArchiverBell,
}

impl EditJobMetaHandler {
    /// The bell tells the archiver of jobs to be described anew.
    pub(crate) fn new(bell: ArchiverBell) -> Self {
        Self { bell }
    }
}

impl HandleCommand<EditJobMeta> for EditJobMetaHandler {
    async fn handle(
        &self,
        transaction: &mut Transaction,
        requests: &[Request<EditJobMeta>],
        _: &mut Effects,
    ) -> Result<Vec<OutcomeOf<EditJobMeta>>, HandlerError> {
        let mut outcomes = Vec::with_capacity(requests.len());
        for Request { body, context } in requests {
            let edited = edit_job_meta(transaction, caller(context)?, body).await?;
            outcomes.push(edited.map_or_else(Outcome::Refused, Outcome::Done));
        }
        self.bell.ring();
        Ok(outcomes)
    }
}

/// The job as it is then, with its meta data, or why nothing was changed.
pub(crate) async fn edit_job_meta(
    transaction: &mut Transaction,
    caller: &Principal,
    command: &EditJobMeta,
) -> Result<Result<Job, EditJobMetaRefusal>, StorageError> {
    let scope = Scope::of_writer(caller);
    let Some(row) = hold_job(transaction, &command.target, &scope).await? else {
        return Ok(Err(EditJobMetaRefusal::NotFound));
    };
    let mut meta_data: BTreeMap<String, String> = match &row.meta_data {
        Some(document) => {
            serde_json::from_str(document).map_err(|error| unreadable("meta_data", error))?
        }
        None => BTreeMap::new(),
    };
    meta_data.insert(command.key.clone(), command.value.clone());
    let document =
        serde_json::to_string(&meta_data).map_err(|error| StorageError::Other(error.into()))?;
    if document.len() + row.details.len() > DOCUMENTS_LIMIT {
        let limit = DOCUMENTS_LIMIT as u64;
        return Ok(Err(EditJobMetaRefusal::TooLarge { limit }));
    }
    write_meta_data(transaction, row.id, &document).await?;
    describe_jobs(transaction, &[row.id]).await?;
    let tags = JobTags::in_transaction(transaction, &[row.id]).await?;
    let seen = tags.seen(row.id, caller);
    let job = JobRow {
        meta_data: Some(document),
        ..row
    };
    job.into_job(seen).map(Ok)
}

#[cfg(test)]
mod tests;
