//! Jobs have stopped: the sessions that are tied to them end (seed 3: "tied into the job itself"), and so does one that comes
//! later than the news.

use muster_contract::{
    job_archive::JobStopped,
    session::{EndReason, JobReference},
};
use muster_platform::Ids;
use muster_storage::{StorageError, Transaction};

use super::{news::News, reaction};
use crate::node_sessions::{
    book::Book,
    saying::Sayings,
    store::{
        due::tied_to,
        stopped_jobs::{lock_jobs, remember},
    },
};

reaction!(
    /// Reacts to [`JobStopped`].
    JobStoppedReaction,
    JobStopped,
    job_stopped
);

/// Begins to end the sessions of these jobs.
pub(crate) async fn job_stopped(
    transaction: &mut Transaction,
    ids: &dyn Ids,
    news: &[News<'_, JobStopped>],
) -> Result<Sayings, StorageError> {
    let jobs: Vec<(&str, JobReference)> = news
        .iter()
        .map(|news| {
            let job = JobReference {
                cluster: news.body.cluster.clone(),
                job_id: news.body.job_id,
            };
            (news.body.tenant.as_str(), job)
        })
        .collect();
    // Sessions that are being opened for these jobs take turns with this: either they are found here, or they find what
    // is remembered. Locks of jobs come before all others, so that no two transactions wait for each other.
    lock_jobs(transaction, jobs.iter().map(|(tenant, job)| (*tenant, job))).await?;
    let now = news.iter().map(|news| news.moment.now).max();
    let named = jobs.iter().map(|(tenant, job)| (*tenant, job));
    remember(transaction, named, now.unwrap_or_default()).await?;
    let tied = tied_to(transaction, &jobs).await?;
    let sessions = tied.iter().map(|(_, id)| id.as_str());
    let mut book = Book::open(transaction, ids, sessions, &[]).await?;
    for (place, id) in &tied {
        if let Some(News { moment, .. }) = news.get(*place) {
            // One that ends already is refused, and needs nothing.
            let _ = book.begin_to_close(*moment, id, EndReason::JobStopped, None);
        }
    }
    book.write(transaction).await
}

#[cfg(test)]
mod tests;
