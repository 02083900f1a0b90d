//! Compute sessions are over: each that has run is a job of the archive (design §2).

use muster_contract::{job_archive::StartJob, session::ComputeSessionChanged};
use muster_messaging::{Effects, HandlerError, React, Request};
use muster_storage::{StorageError, Transaction};

use crate::{
    commands::recording::record,
    domain::{
        compute_jobs::{CLUSTER, job_of},
        storable::{is_storable, unstorable_member},
    },
    store::record_jobs::NewJob,
};

/// Reacts to [`ComputeSessionChanged`].
pub(crate) struct ComputeSessionChangedReaction;

impl React<ComputeSessionChanged> for ComputeSessionChangedReaction {
    async fn react(
        &self,
        transaction: &mut Transaction,
        events: &[Request<ComputeSessionChanged>],
        _: &mut Effects,
    ) -> Result<(), HandlerError> {
        let changed: Vec<&ComputeSessionChanged> = events.iter().map(|event| &event.body).collect();
        Ok(compute_sessions_changed(transaction, &changed).await?)
    }
}

/// Records the sessions that are over and have run. One that is there already stays as it is.
pub(crate) async fn compute_sessions_changed(
    transaction: &mut Transaction,
    changed: &[&ComputeSessionChanged],
) -> Result<(), StorageError> {
    let jobs: Vec<(&str, StartJob)> = changed
        .iter()
        .filter_map(|changed| {
            let job = job_of(&changed.session)?;
            Some((changed.session.tenant.as_str(), job))
        })
        .collect();
    let jobs: Vec<NewJob<'_>> = jobs
        .iter()
        // No table of the session service can hold these either, so that none can come from there.
        .filter(|(tenant, start)| is_storable(tenant) && unstorable_member(start).is_none())
        .map(|(tenant, start)| NewJob {
            tenant,
            sub_cluster: CLUSTER,
            start,
        })
        .collect();
    if jobs.is_empty() {
        return Ok(());
    }
    record(transaction, &jobs).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
