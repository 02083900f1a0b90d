//! A job of a session in a run, and what is said of both.

use muster_contract::session::{RunJobStatus, RunResult, SessionRunStatus};

/// A job of a session, and what became of it in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) job_id: String,
    pub(crate) client_id: String,
    /// Rises with each that is added: the order of the session's jobs.
    pub(crate) place: i64,
    /// The last run that it belongs to; 0 = none yet.
    pub(crate) run: i64,
    pub(crate) status: RunJobStatus,
    pub(crate) result: Option<RunResult>,
    /// `None` also of one that ended without.
    pub(crate) started_at: Option<i64>,
    pub(crate) ended_at: Option<i64>,
}

/// What became of a job in a run of a session that it has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) tag: i64,
    pub(crate) result: Option<RunResult>,
    pub(crate) started_at: Option<i64>,
    pub(crate) ended_at: Option<i64>,
}

/// What has happened to a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fact {
    /// It has begun, with all jobs that are in the session.
    RunStarted {
        tag: i64,
        at: i64,
        /// The job that began it.
        job_id: String,
        /// Its jobs, each with where it runs.
        jobs: Vec<(String, String)>,
    },
    /// A job of it has started.
    JobStarted {
        tag: i64,
        job_id: String,
        client_id: String,
        at: i64,
    },
    /// A job of it has ended.
    JobEnded {
        tag: i64,
        job_id: String,
        client_id: String,
        started_at: Option<i64>,
        at: i64,
        result: RunResult,
        /// Why it was ended on its behalf, if it was.
        reason: Option<String>,
    },
    /// It is over.
    RunEnded {
        tag: i64,
        started_at: i64,
        at: i64,
        status: SessionRunStatus,
        /// None of one that was superseded.
        result: Option<RunResult>,
    },
}

impl Member {
    /// One that is in no run yet.
    pub(crate) fn new(job_id: &str, client_id: &str, place: i64) -> Self {
        Self {
            job_id: job_id.to_owned(),
            client_id: client_id.to_owned(),
            place,
            run: 0,
            status: RunJobStatus::Scheduled,
            result: None,
            started_at: None,
            ended_at: None,
        }
    }

    /// Is called to a run.
    pub(super) fn call(&mut self, tag: i64) {
        self.run = tag;
        self.status = RunJobStatus::Scheduled;
        self.result = None;
        self.started_at = None;
        self.ended_at = None;
    }

    pub(super) fn start(&mut self, now: i64, facts: &mut Vec<Fact>) {
        self.status = RunJobStatus::Running;
        self.started_at = Some(now);
        facts.push(Fact::JobStarted {
            tag: self.run,
            job_id: self.job_id.clone(),
            client_id: self.client_id.clone(),
            at: now,
        });
    }

    pub(super) fn end(
        &mut self,
        now: i64,
        result: RunResult,
        reason: Option<String>,
        facts: &mut Vec<Fact>,
    ) {
        self.status = RunJobStatus::Completed;
        self.result = Some(result);
        self.ended_at = Some(now);
        facts.push(Fact::JobEnded {
            tag: self.run,
            job_id: self.job_id.clone(),
            client_id: self.client_id.clone(),
            started_at: self.started_at,
            at: now,
            result,
            reason,
        });
    }

    /// Is ended by others than its scheduler: one that has started is aborted, one that has not has failed to.
    pub(super) fn end_on_behalf(&mut self, now: i64, reason: &str, facts: &mut Vec<Fact>) {
        let result = match self.started_at {
            Some(_) => RunResult::Aborted,
            None => RunResult::Fail,
        };
        self.end(now, result, Some(reason.to_owned()), facts);
    }

    /// It has not ended.
    pub(super) fn is_open(&self) -> bool {
        self.status != RunJobStatus::Completed
    }
}
