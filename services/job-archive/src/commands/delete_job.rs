//! Deletes a job.

use muster_contract::{
    Outcome, Principal,
    job_archive::{DeleteJob, DeleteJobRefusal, DeletedJob, JobGone, StopTarget},
};
use muster_messaging::{Effects, HandleCommand, HandlerError, OutcomeOf, Request};
use muster_storage::{StorageError, Transaction};

use super::{caller, removing::deletions};
use crate::{
    domain::scope::Scope,
    store::{delete_jobs::delete_jobs, hold_job::hold_job},
};

/// Takes [`DeleteJob`].
pub(crate) struct DeleteJobHandler;

impl HandleCommand<DeleteJob> for DeleteJobHandler {
    async fn handle(
        &self,
        transaction: &mut Transaction,
        requests: &[Request<DeleteJob>],
        effects: &mut Effects,
    ) -> Result<Vec<OutcomeOf<DeleteJob>>, HandlerError> {
        let mut outcomes = Vec::with_capacity(requests.len());
        for Request { body, context } in requests {
            let (outcome, gone) = delete_job(transaction, caller(context)?, body).await?;
            for event in deletions(gone) {
                effects.emit(context, &event)?;
            }
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }
}

type Deletion = (OutcomeOf<DeleteJob>, Vec<(String, JobGone)>);

/// What is answered, and the job with its tenant if there was one.
pub(crate) async fn delete_job(
    transaction: &mut Transaction,
    caller: &Principal,
    command: &DeleteJob,
) -> Result<Deletion, StorageError> {
    let scope = Scope::of_writer(caller);
    let gone = match hold_job(transaction, &command.target, &scope).await? {
        Some(row) => delete_jobs(transaction, &[row.id]).await?,
        None => Vec::new(),
    };
    let id = gone.first().map(|(_, job)| job.id);
    let outcome = match (&command.target, id) {
        // As in cc-backend: that the row is not there is what was asked for (`api/clustercockpit.md` §1.6).
        (StopTarget::Id(_), id) => Outcome::Done(DeletedJob { id }),
        (StopTarget::Newest { .. }, Some(id)) => Outcome::Done(DeletedJob { id: Some(id) }),
        (StopTarget::Newest { .. }, None) => Outcome::Refused(DeleteJobRefusal::NotFound),
    };
    Ok((outcome, gone))
}

#[cfg(test)]
mod tests;
