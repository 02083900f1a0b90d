//! Jobs were deleted from the archive: nobody can stop one that ran any more, so that for the sessions that are tied to it
//! this is its stop.

use muster_contract::job_archive::{JobState, JobStopped, JobsDeleted};
use muster_platform::Ids;
use muster_storage::{StorageError, Transaction};

use super::{job_stopped::job_stopped, news::News, reaction};
use crate::node_sessions::saying::Sayings;

reaction!(
    /// Reacts to [`JobsDeleted`].
    JobsDeletedReaction,
    JobsDeleted,
    jobs_deleted
);

/// Begins to end the sessions of those of these jobs that had not stopped.
pub(crate) async fn jobs_deleted(
    transaction: &mut Transaction,
    ids: &dyn Ids,
    news: &[News<'_, JobsDeleted>],
) -> Result<Sayings, StorageError> {
    let mut stops = Vec::new();
    for deleted in news {
        let JobsDeleted { tenant, jobs } = deleted.body;
        let now = deleted.moment.now / 1_000_000;
        for job in jobs.iter().filter(|job| !has_stopped(job.state)) {
            let stop = JobStopped {
                id: job.id,
                tenant: tenant.clone(),
                job_id: job.job_id,
                cluster: job.cluster.clone(),
                start_time: job.start_time,
                stop_time: now,
                duration: now.saturating_sub(job.start_time).max(0),
                state: job.state,
            };
            stops.push((deleted.moment, stop));
        }
    }
    let news: Vec<News<'_, JobStopped>> = stops
        .iter()
        .map(|(moment, body)| News {
            moment: *moment,
            body,
        })
        .collect();
    job_stopped(transaction, ids, &news).await
}

/// Of one that has, the news came with its stop.
fn has_stopped(state: JobState) -> bool {
    !matches!(
        state,
        JobState::Pending | JobState::Running | JobState::Suspended
    )
}

#[cfg(test)]
mod tests;
