//! Where the archive gets what was measured of a job.

use futures_util::future::BoxFuture;
use muster_contract::job_archive::{Job, Resource};

use crate::domain::job_data::JobData;

/// What a metric store has to know of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobToMeasure {
    /// Cluster it ran on.
    pub cluster: String,
    /// Part of the cluster.
    pub sub_cluster: String,
    /// The nodes, or parts of nodes.
    pub resources: Vec<Resource>,
    /// When it started: seconds since 1970 UTC.
    pub start_time: i64,
    /// When it stopped, or now if it runs: seconds since 1970 UTC.
    pub stop_time: i64,
}

impl JobToMeasure {
    /// The job as it is now: its duration says when it stopped, or how long it has run.
    #[must_use]
    pub fn of(job: &Job) -> Self {
        Self {
            cluster: job.cluster.clone(),
            sub_cluster: job.sub_cluster.clone(),
            resources: job.details.resources.clone(),
            start_time: job.start_time,
            stop_time: job.start_time.saturating_add(job.duration.max(0)),
        }
    }
}

/// The store could not be read now; it may be later.
#[derive(Debug, thiserror::Error)]
#[error("the metrics could not be read: {reason}")]
pub struct MeasureError {
    /// Why.
    pub reason: String,
}

/// Knows what was measured of jobs.
pub trait MeasureJobs: Send + Sync + 'static {
    /// Everything that was measured on the nodes of the job while it ran, at the finest resolution there is: every metric
    /// in the scope `node`, in the scope `core` if the job has at most 8 nodes, and `accelerator` for the accelerators of its
    /// resources (`api/clustercockpit.md` §2.5). Metrics, nodes and values that are missing are left out or `None`; that is
    /// never an error. An error means that it is to be tried again.
    fn measure<'a>(&'a self, job: &'a JobToMeasure)
    -> BoxFuture<'a, Result<JobData, MeasureError>>;
}

/// Where nothing is measured.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoMetrics;

impl MeasureJobs for NoMetrics {
    fn measure<'a>(&'a self, _: &'a JobToMeasure) -> BoxFuture<'a, Result<JobData, MeasureError>> {
        Box::pin(async { Ok(JobData::default()) })
    }
}
