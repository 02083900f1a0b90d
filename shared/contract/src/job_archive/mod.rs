//! Messages of the job archive. The members of a job are those of ClusterCockpit's `JobMeta`
//! (seed 4, `api/clustercockpit.md` §1.2); names, units and ranges are that document's.

mod delete_job;
mod delete_jobs_before;
mod edit_job_meta;
mod find_job;
mod job;
mod job_data;
mod job_metrics;
mod job_started;
mod job_state;
mod job_stopped;
mod jobs_deleted;
mod list_clusters;
mod list_jobs;
mod list_node_states;
mod list_used_nodes;
mod machine_state;
mod node_state;
mod record_node_states;
mod remove_tags;
mod start_job;
mod stop_job;
mod tag_job;
mod untag_job;

pub use delete_job::{DeleteJob, DeleteJobRefusal, DeletedJob};
pub use delete_jobs_before::{AUTOMATIC_TAG_TYPES, DeleteJobsBefore, DeletedJobs, OmitTagged};
pub use edit_job_meta::{EditJobMeta, EditJobMetaRefusal};
pub use find_job::{FindJob, FindJobRefusal};
pub use job::{Job, JobDetails, MetricStatistics, NodeSharing, Resource, Tag, Unit};
pub use job_data::{
    JobData, JobMetric, MetricScope, MetricSeries, SeriesStatistics, StatisticsSeries,
};
pub use job_metrics::{JobMetrics, JobMetricsRefusal};
pub use job_started::JobStarted;
pub use job_state::JobState;
pub use job_stopped::JobStopped;
pub use jobs_deleted::{JobGone, JobsDeleted};
pub use list_clusters::{ClusterDescriptions, ListClusters, ListClustersRefusal};
pub use list_jobs::{JobPage, ListJobs, ListJobsRefusal};
pub use list_node_states::{KnownNode, KnownNodes, ListNodeStates};
pub use list_used_nodes::{ListUsedNodes, UsedNodes};
pub use machine_state::{
    FindMachineState, FindMachineStateRefusal, MACHINE_STATE_LIMIT, MachineState,
    RecordMachineState, RecordMachineStateRefusal, RecordedMachineState,
};
pub use node_state::{NodeReport, NodeState};
pub use record_node_states::{
    MAX_NODE_REPORTS, RecordNodeStates, RecordNodeStatesRefusal, RecordedNodeStates,
};
pub use remove_tags::{RemoveTags, RemovedTags};
pub use start_job::{NewTag, StartJob, StartJobRefusal, StartedJob};
pub use stop_job::{StopJob, StopJobRefusal, StopTarget};
pub use tag_job::{MAX_TAGS_OF_JOB, TagJob, TagJobRefusal};
pub use untag_job::{UntagJob, UntagJobRefusal};

crate::dead_letters::dead_letter_messages!(crate::Service::JobArchive);
