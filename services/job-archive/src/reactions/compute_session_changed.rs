//! Compute sessions are over: each that has run is a job of the archive (design §2).

use muster_contract::{job_archive::StartJob, session::ComputeSessionChanged};
use muster_messaging::{Effects, HandlerError, React, Request};
use muster_storage::{StorageError, Transaction};

use crate::{
    archive::archiver::ArchiverBell,
    commands::recording::{Recording, record},
    domain::{
        archive_layout::JobKey,
        compute_jobs::{CLUSTER, job_of},
        storable::{is_storable, unstorable_member},
    },
    store::{
        archive_work::{ArchiveAction, request_archive_work},
        record_jobs::NewJob,
    },
};

/// Reacts to [`ComputeSessionChanged`].
pub(crate) struct ComputeSessionChangedReaction {
    bell: ArchiverBell,
}

impl ComputeSessionChangedReaction {
    /// The bell tells the archiver of new jobs, all of which have stopped.
    pub(crate) fn new(bell: ArchiverBell) -> Self {
        Self { bell }
    }
}

impl React<ComputeSessionChanged> for ComputeSessionChangedReaction {
    async fn react(
        &self,
        transaction: &mut Transaction,
        events: &[Request<ComputeSessionChanged>],
        _: &mut Effects,
    ) -> Result<(), HandlerError> {
        let changed: Vec<&ComputeSessionChanged> = events.iter().map(|event| &event.body).collect();
        compute_sessions_changed(transaction, &changed).await?;
        self.bell.ring();
        Ok(())
    }
}

/// Records the sessions that are over and have run, and has them archived: what their agents said of their containers is kept
/// as metrics of the cluster. One that is there already stays as it is.
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
    let recorded = record(transaction, &jobs).await?;
    let work = jobs
        .iter()
        .zip(recorded)
        .filter(|(_, recording)| matches!(recording, Recording::New(_)))
        .map(|(job, _)| {
            let key = JobKey {
                cluster: job.start.cluster.clone(),
                job_id: job.start.job_id,
                start_time: job.start.start_time,
            };
            (key, ArchiveAction::Archive)
        });
    request_archive_work(transaction, work).await
}

#[cfg(test)]
mod tests;
