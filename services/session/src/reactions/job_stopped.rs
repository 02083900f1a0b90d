//! Jobs have stopped: the sessions that are tied to them end (seed 3: "tied into the job itself").

use muster_contract::{
    job_archive::JobStopped,
    session::{EndReason, JobReference},
};
use muster_platform::Ids;
use muster_storage::{StorageError, Transaction};

use super::{news::News, reaction};
use crate::{book::Book, saying::Sayings, store::due::tied_to};

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
