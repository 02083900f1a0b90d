//! What was measured of a job.

use std::sync::Arc;

use muster_contract::{
    Outcome, Principal,
    job_archive::{Job, JobData, JobMetrics, JobMetricsRefusal, JobState},
};
use muster_messaging::{AnswerQuery, Asked, HandlerError};
use muster_platform::{Clock, Timestamp};
use muster_storage::{Database, StorageError};
use tracing::error;

use crate::{
    archive::{
        files::{ArchiveError, ArchiveFiles},
        measure::{JobToMeasure, MeasureJobs},
    },
    domain::{archive_layout::JobKey, job_data::narrowed},
    store::find_job::find_job,
};

/// Answers [`JobMetrics`].
pub(crate) struct JobMetricsHandler {
    database: Database,
    clock: Arc<dyn Clock>,
    metrics: Arc<dyn MeasureJobs>,
    archive: ArchiveFiles,
}

impl JobMetricsHandler {
    pub(crate) fn new(
        database: Database,
        clock: Arc<dyn Clock>,
        metrics: Arc<dyn MeasureJobs>,
        archive: ArchiveFiles,
    ) -> Self {
        Self {
            database,
            clock,
            metrics,
            archive,
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
        let runs = job.state == JobState::Running;
        let data = if runs {
            job.duration = now.as_seconds().saturating_sub(job.start_time).max(0);
            self.measure(&job).await
        } else {
            self.kept(&job).await
        };
        Ok(match data {
            Ok(data) if data.metrics.is_empty() && !runs => Err(JobMetricsRefusal::NotArchived),
            Ok(data) => Ok(narrowed(data, &question.metrics, &question.scopes)),
            Err(reason) => Err(JobMetricsRefusal::Unreadable { reason }),
        })
    }

    /// Of a job that has stopped: its file, or until that is there, what it will be made of.
    async fn kept(&self, job: &Job) -> Result<JobData, String> {
        let key = JobKey {
            cluster: job.cluster.clone(),
            job_id: job.job_id,
            start_time: job.start_time,
        };
        match self.archive.read_data(&key).await {
            Ok(Some(data)) => Ok(data),
            // A name that no directory can have has no files.
            Ok(None) | Err(ArchiveError::Name { .. }) => self.measure(job).await,
            Err(error) => {
                error!(target: "muster::job_archive", %error, "a file of the archive cannot be read");
                Err(error.to_string())
            }
        }
    }

    async fn measure(&self, job: &Job) -> Result<JobData, String> {
        let measured = self.metrics.measure(&JobToMeasure::of(job)).await;
        measured.map_err(|error| error.to_string())
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

#[cfg(test)]
mod tests;
