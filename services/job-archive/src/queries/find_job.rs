//! Finds a job.

use std::sync::Arc;

use muster_contract::{
    Outcome, Principal,
    job_archive::{FindJob, FindJobRefusal, Job, JobState},
};
use muster_messaging::{AnswerQuery, Asked, HandlerError};
use muster_platform::{Clock, Timestamp};
use muster_storage::{Database, StorageError};

use super::asker;
use crate::store::find_job as store;

/// Answers [`FindJob`].
pub(crate) struct FindJobHandler {
    database: Database,
    clock: Arc<dyn Clock>,
}

impl FindJobHandler {
    pub(crate) fn new(database: Database, clock: Arc<dyn Clock>) -> Self {
        Self { database, clock }
    }
}

impl AnswerQuery<FindJob> for FindJobHandler {
    async fn answer(
        &self,
        asked: Asked<FindJob>,
    ) -> Result<Outcome<Job, FindJobRefusal>, HandlerError> {
        let caller = asker(asked.principal)?;
        let found = find_job(&self.database, self.clock.now(), &caller, asked.body.id).await?;
        Ok(found.map_or(Outcome::Refused(FindJobRefusal::NotFound), Outcome::Done))
    }
}

/// The job of that number, if the caller may see it.
pub(crate) async fn find_job(
    database: &Database,
    now: Timestamp,
    caller: &Principal,
    id: i64,
) -> Result<Option<Job>, StorageError> {
    let mut job = store::find_job(database, id, caller).await?;
    if let Some(job) = &mut job
        && job.state == JobState::Running
    {
        // As in lists.
        job.duration = now.as_seconds().saturating_sub(job.start_time).max(0);
    }
    Ok(job)
}

#[cfg(test)]
mod tests;
