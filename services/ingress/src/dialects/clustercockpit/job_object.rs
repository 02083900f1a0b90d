//! A job as clients read it. Members with their zero value are left out where cc-backend leaves them
//! out (`omitempty`).

use std::collections::BTreeMap;

use muster_contract::job_archive::{
    Job, MetricStatistics, Resource as ContractResource, Tag as ContractTag,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::job_meta::{Resource, Statistics, Tag};

/// A job of the archive.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = JobMeta)]
pub(super) struct JobObject<'a> {
    /// Number of the job in the archive.
    id: i64,
    /// Number of the job on its cluster.
    #[schema(example = 123_000)]
    job_id: i64,
    /// Who submitted it.
    #[schema(example = "abcd100h")]
    user: &'a str,
    /// The accounting project.
    #[schema(example = "abcd200")]
    project: &'a str,
    /// Cluster it runs on.
    #[schema(example = "fritz")]
    cluster: &'a str,
    /// Part of the cluster.
    #[schema(example = "main")]
    sub_cluster: &'a str,
    /// Queue of the batch system.
    #[serde(skip_serializing_if = "str::is_empty")]
    #[schema(example = "main")]
    partition: &'a str,
    /// Number of the array job it is an element of.
    #[serde(skip_serializing_if = "is_zero")]
    #[schema(example = 123_000)]
    array_job_id: i64,
    /// Nodes used.
    #[schema(minimum = 1, example = 2)]
    num_nodes: i32,
    /// Hardware threads used.
    #[serde(skip_serializing_if = "is_zero")]
    #[schema(minimum = 1, example = 20)]
    num_hwthreads: i32,
    /// Accelerators used.
    #[serde(skip_serializing_if = "is_zero")]
    #[schema(minimum = 1, example = 2)]
    num_acc: i32,
    /// How nodes are shared: 0 among jobs of several users, 1 not at all, 2 among jobs of one user.
    #[schema(minimum = 0, maximum = 2, example = 1)]
    exclusive: i32,
    /// The same in the words of later releases: `multi_user`, `none`, `single_user`.
    #[schema(example = "none")]
    shared: &'static str,
    /// 0 disabled (left out), 1 running or archiving, 2 archiving failed, 3 archiving succeeded.
    #[serde(skip_serializing_if = "is_zero")]
    #[schema(minimum = 1, maximum = 3, example = 1)]
    monitoring_status: i32,
    /// Threads used per core.
    #[serde(skip_serializing_if = "is_zero")]
    #[schema(minimum = 1, example = 4)]
    smt: i32,
    /// Its state.
    #[schema(example = "completed")]
    job_state: &'static str,
    /// Seconds from its start to its stop; of a running job, to now.
    #[schema(example = 43_200)]
    duration: i64,
    /// Seconds asked for.
    #[serde(skip_serializing_if = "is_zero")]
    #[schema(example = 86_400)]
    walltime: i64,
    /// When it started: seconds since 1970 UTC.
    #[schema(example = 1_649_723_812)]
    start_time: i64,
    /// When it was submitted: seconds since 1970 UTC.
    #[serde(skip_serializing_if = "is_zero")]
    #[schema(example = 1_649_723_812)]
    submit_time: i64,
    /// Memory asked for, in MB.
    #[serde(skip_serializing_if = "is_zero")]
    #[schema(example = 128_000)]
    requested_memory: i64,
    /// Nodes used, and what of them.
    #[schema(value_type = Vec<Resource>)]
    resources: &'a [ContractResource],
    /// Script, name, messages of the batch system, by key; `null` unless asked for.
    meta_data: Option<&'a BTreeMap<String, String>>,
    /// Tags attached.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(value_type = Vec<Tag>)]
    tags: &'a [ContractTag],
    /// Statistics by metric.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, Statistics>)]
    statistics: &'a BTreeMap<String, MetricStatistics>,
    /// Energy used, in kWh.
    #[serde(skip_serializing_if = "Option::is_none")]
    energy: Option<f64>,
    /// Footprint by metric.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    footprint: &'a BTreeMap<String, f64>,
    /// Energy by metric.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    energy_footprint: &'a BTreeMap<String, f64>,
    /// Jobs on the same nodes: always none, in the form that clients decode.
    #[schema(value_type = super::job_meta::ConcurrentJobs)]
    concurrent_jobs: NoConcurrentJobs,
}

#[derive(Debug, Serialize)]
struct NoConcurrentJobs {
    items: Option<()>,
    count: u32,
}

impl<'a> JobObject<'a> {
    pub(super) fn new(job: &'a Job) -> Self {
        let details = &job.details;
        Self {
            id: job.id,
            job_id: job.job_id,
            user: &job.user,
            project: &job.project,
            cluster: &job.cluster,
            sub_cluster: &job.sub_cluster,
            partition: &job.partition,
            array_job_id: job.array_job_id,
            num_nodes: job.num_nodes,
            num_hwthreads: job.num_hwthreads,
            num_acc: job.num_acc,
            exclusive: job.sharing.exclusive(),
            shared: job.sharing.name(),
            monitoring_status: job.monitoring_status,
            smt: job.smt,
            job_state: job.state.name(),
            duration: job.duration,
            walltime: job.walltime,
            start_time: job.start_time,
            submit_time: details.submit_time,
            requested_memory: details.requested_memory,
            resources: &details.resources,
            meta_data: job.meta_data.as_ref(),
            tags: &job.tags,
            statistics: &details.statistics,
            energy: details.energy,
            footprint: &details.footprint,
            energy_footprint: &details.energy_footprint,
            concurrent_jobs: NoConcurrentJobs {
                items: None,
                count: 0,
            },
        }
    }
}

fn is_zero<T: Default + PartialEq>(number: &T) -> bool {
    *number == T::default()
}

#[cfg(test)]
pub(super) mod tests;
