//! Lists jobs.

use std::sync::Arc;

use muster_contract::{
    Outcome, Principal,
    job_archive::{Job, JobPage, JobState, ListJobs, ListJobsRefusal},
};
use muster_messaging::{AnswerQuery, Asked, HandlerError};
use muster_platform::{Clock, Timestamp};
use muster_storage::{Database, StorageError};

use super::asker;
use crate::{
    domain::{list_limits::Page, scope::Scope, storable::is_storable, streams::Filter},
    store::{
        bookmarks::Bookmarks,
        list_page::{Wanted, list_page},
    },
};

/// Answers [`ListJobs`].
pub(crate) struct ListJobsHandler {
    database: Database,
    clock: Arc<dyn Clock>,
    bookmarks: Bookmarks,
}

impl ListJobsHandler {
    pub(crate) fn new(database: Database, clock: Arc<dyn Clock>) -> Self {
        Self {
            database,
            clock,
            bookmarks: Bookmarks::default(),
        }
    }
}

impl AnswerQuery<ListJobs> for ListJobsHandler {
    async fn answer(
        &self,
        asked: Asked<ListJobs>,
    ) -> Result<Outcome<JobPage, ListJobsRefusal>, HandlerError> {
        let caller = asker(asked.principal)?;
        let now = self.clock.now();
        let listed = list_jobs_by(&self.bookmarks, &self.database, now, &caller, asked.body);
        let listed = listed.await?;
        Ok(match listed {
            Ok(jobs) => Outcome::Done(JobPage { jobs }),
            Err(refusal) => Outcome::Refused(refusal),
        })
    }
}

/// The jobs of the page that the caller may see.
pub(crate) async fn list_jobs(
    database: &Database,
    now: Timestamp,
    caller: &Principal,
    question: ListJobs,
) -> Result<Result<Vec<Job>, ListJobsRefusal>, StorageError> {
    list_jobs_by(&Bookmarks::default(), database, now, caller, question).await
}

/// The same with bookmarks that are kept from one question to the next.
pub(crate) async fn list_jobs_by(
    bookmarks: &Bookmarks,
    database: &Database,
    now: Timestamp,
    caller: &Principal,
    question: ListJobs,
) -> Result<Result<Vec<Job>, ListJobsRefusal>, StorageError> {
    let named = question.cluster.iter().chain(&question.project);
    if named.into_iter().any(|name| !is_storable(name)) {
        return Ok(Ok(Vec::new()));
    }
    let mut states = question.states;
    // In one order and each once: the same statement for the same question.
    states.sort_unstable();
    states.dedup();
    let filter = Filter {
        scope: Scope::of_reader(caller),
        states,
        cluster: question.cluster,
        project: question.project,
        start_from: question.start_from.unwrap_or(i64::MIN),
        start_to: question.start_to.unwrap_or(i64::MAX),
    };
    let wanted = Wanted {
        filter: &filter,
        page: Page::new(question.page, question.page_size),
        with_meta_data: question.with_meta_data,
        caller,
        bookmarks,
        now: now.as_seconds(),
    };
    let mut listed = list_page(database, &wanted).await?;
    for job in listed.iter_mut().flatten() {
        // A job that runs has lasted until now (`api/clustercockpit.md` §1.4).
        if job.state == JobState::Running {
            job.duration = now.as_seconds().saturating_sub(job.start_time).max(0);
        }
    }
    Ok(listed)
}

#[cfg(test)]
mod tests;
