//! What was measured of a job.

use std::sync::Arc;

use muster_contract::{
    Outcome, Principal,
    job_archive::{JobData, JobMetrics, JobMetricsRefusal, JobState},
};
use muster_messaging::{AnswerQuery, Asked, HandlerError};
use muster_platform::{Clock, Timestamp};
use muster_storage::{Database, StorageError};

use crate::{
    archive::measure::{JobToMeasure, MeasureJobs},
    domain::job_data::narrowed,
    store::find_job::find_job,
};

/// Answers [`JobMetrics`].
pub(crate) struct JobMetricsHandler {
    database: Database,
    clock: Arc<dyn Clock>,
    metrics: Arc<dyn MeasureJobs>,
}

impl JobMetricsHandler {
    pub(crate) fn new(
        database: Database,
        clock: Arc<dyn Clock>,
        metrics: Arc<dyn MeasureJobs>,
    ) -> Self {
        Self {
            database,
            clock,
            metrics,
        }
    }

    async fn measured(
        &self,
        now: Timestamp,
        caller: &Principal,
        question: JobMetrics,
    ) -> Result<Result<JobData, JobMetricsRefusal>, StorageError> {
        let Some(mut job) = find_job(&self.database, question.id, caller).await? else {
            return Ok(Err(JobMetricsRefusal::NotFound));
        };
        if job.state == JobState::Running {
            job.duration = now.as_seconds().saturating_sub(job.start_time).max(0);
        }
        let measured = self.metrics.measure(&JobToMeasure::of(&job)).await;
        Ok(match measured {
            Ok(data) => Ok(narrowed(data, &question.metrics, &question.scopes)),
            Err(error) => Err(JobMetricsRefusal::Unreadable {
                reason: error.to_string(),
            }),
        })
    }
}

impl AnswerQuery<JobMetrics> for JobMetricsHandler {
    async fn answer(
        &self,
        asked: Asked<JobMetrics>,
    ) -> Result<Outcome<JobData, JobMetricsRefusal>, HandlerError> {
        let caller = asked
            .principal
            .ok_or_else(|| HandlerError::Permanent("the query names no principal".to_owned()))?;
        let measured = self.measured(self.clock.now(), &caller, asked.body).await?;
        Ok(match measured {
            Ok(data) => Outcome::Done(data),
            Err(refusal) => Outcome::Refused(refusal),
        })
    }
}
