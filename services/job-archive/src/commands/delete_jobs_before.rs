//! Deletes old jobs.

use muster_contract::{
    Outcome, Principal,
    job_archive::{DeleteJobsBefore, DeletedJobs},
};
use muster_messaging::{BeginCommand, Effects, HandlerError, Progress, Request};
use muster_storage::{StorageError, Transaction};

use super::{caller, removing::begin_removal};
use crate::{
    domain::{removal::Removal, scope::Scope},
    store::places::TENANTS,
};

/// Takes [`DeleteJobsBefore`].
pub(crate) struct DeleteJobsBeforeHandler;

impl BeginCommand<DeleteJobsBefore> for DeleteJobsBeforeHandler {
    async fn begin(
        &self,
        transaction: &mut Transaction,
        requests: &[Request<DeleteJobsBefore>],
        effects: &mut Effects,
    ) -> Result<Vec<Progress<DeleteJobsBefore>>, HandlerError> {
        let mut progress = Vec::with_capacity(requests.len());
        for Request { body, context } in requests {
            let work = removal(transaction, caller(context)?, body).await?;
            let removed = begin_removal(transaction, context.id(), work, context, effects).await?;
            progress.push(match removed {
                Some(deleted) => Progress::Settled(Outcome::Done(DeletedJobs { deleted })),
                None => Progress::Pending,
            });
        }
        Ok(progress)
    }
}

/// What the caller asks to be removed.
pub(crate) async fn removal(
    transaction: &mut Transaction,
    caller: &Principal,
    body: &DeleteJobsBefore,
) -> Result<Removal, StorageError> {
    let scope = Scope::of_writer(caller);
    let tenants = if let Some(tenant) = scope.tenant() {
        vec![tenant.to_owned()]
    } else {
        let rows: Vec<(String, String)> = transaction.fetch_all(TENANTS, &[]).await?;
        rows.into_iter().map(|(tenant, _)| tenant).collect()
    };
    Ok(Removal::of_jobs(
        tenants,
        &scope,
        body.start_time,
        body.omit,
    ))
}
