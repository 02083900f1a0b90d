//! Messages of the job archive. The members of a job are those of ClusterCockpit's `JobMeta`
//! (seed 4, `api/clustercockpit.md` §1.2); names, units and ranges are that document's.

mod job;
mod job_data;
mod job_metrics;
mod job_started;
mod job_state;
mod job_stopped;
mod list_jobs;
mod start_job;
mod stop_job;

pub use job::{Job, JobDetails, MetricStatistics, NodeSharing, Resource, Tag, Unit};
pub use job_data::{
    JobData, JobMetric, MetricScope, MetricSeries, SeriesStatistics, StatisticsSeries,
};
pub use job_metrics::{JobMetrics, JobMetricsRefusal};
pub use job_started::JobStarted;
pub use job_state::JobState;
pub use job_stopped::JobStopped;
pub use list_jobs::{JobPage, ListJobs, ListJobsRefusal};
pub use start_job::{NewTag, StartJob, StartJobRefusal, StartedJob};
pub use stop_job::{StopJob, StopJobRefusal, StopTarget};

crate::dead_letters::dead_letter_messages!(crate::Service::JobArchive);
