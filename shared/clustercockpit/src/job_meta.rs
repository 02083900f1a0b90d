//! A job as a client tells of it: cc-backend's `JobMeta` of 2023 and `Job` of 2026 together, and the
//! checks that need no state (`SanityChecks` there, in its order).

mod parts;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use muster_contract::Principal;
use muster_contract::job_archive::{JobDetails, JobState, NodeSharing, StartJob};
use utoipa::ToSchema;

use crate::RequestError;
use crate::go_json::go_object;
use crate::tags::{TEXT_LIMIT, writable};

pub use parts::{ConcurrentJobs, Resource, Statistics, Tag};

/// States of the monitoring of a job go up to this one.
const LAST_MONITORING_STATUS: i32 = 3;

/// What cc-backend takes for granted: monitoring runs.
const DEFAULT_MONITORING_STATUS: i32 = 1;

/// A job that has started. `null` is the same as leaving the member out; names match whatever their
/// case; a member that is not listed is refused.
#[derive(Debug, Default, PartialEq, ToSchema)]
#[schema(rename_all = "camelCase", as = StartedJobMeta)]
pub struct JobMeta {
    /// Ignored: the archive gives its own number.
    id: Option<i64>,
    /// Number of the job on its cluster.
    #[schema(example = 123_000)]
    job_id: Option<i64>,
    /// Who submitted it.
    #[schema(required = true, example = "abcd100h", max_length = 255)]
    user: Option<String>,
    /// The accounting project.
    #[schema(example = "abcd200", max_length = 255)]
    project: Option<String>,
    /// Cluster it runs on: one that the archive knows.
    #[schema(required = true, example = "fritz", max_length = 255)]
    cluster: Option<String>,
    /// Part of the cluster. Left out: the one that the first node belongs to.
    #[schema(example = "main", max_length = 255)]
    sub_cluster: Option<String>,
    /// Queue of the batch system.
    #[schema(example = "main", max_length = 255)]
    partition: Option<String>,
    /// Number of the array job it is an element of.
    #[schema(example = 123_000)]
    array_job_id: Option<i64>,
    /// Nodes used: as many as `resources` has.
    #[schema(required = true, minimum = 1, example = 2)]
    num_nodes: Option<i32>,
    /// Hardware threads used.
    #[schema(minimum = 0, example = 20)]
    num_hwthreads: Option<i32>,
    /// Accelerators used.
    #[schema(minimum = 0, example = 2)]
    num_acc: Option<i32>,
    /// How nodes are shared: 0 among jobs of several users, 1 not at all, 2 among jobs of one user.
    /// The same as `shared`, by which later releases call it; without either, 1.
    #[schema(minimum = 0, maximum = 2, example = 1)]
    exclusive: Option<i32>,
    /// How nodes are shared: `multi_user`, `none` or `single_user`. The same as `exclusive`.
    #[schema(example = "none")]
    shared: Option<String>,
    /// 0 disabled, 1 running or archiving (without it), 2 archiving failed, 3 archiving succeeded.
    #[schema(minimum = 0, maximum = 3, example = 1)]
    monitoring_status: Option<i32>,
    /// Threads used per core.
    #[schema(minimum = 0, example = 4)]
    smt: Option<i32>,
    /// Its state; without one, `running`.
    #[schema(example = "running")]
    job_state: Option<String>,
    /// Seconds it has run.
    #[schema(example = 43_200)]
    duration: Option<i32>,
    /// Seconds asked for.
    #[schema(example = 86_400)]
    walltime: Option<i64>,
    /// When it started: seconds since 1970 UTC.
    #[schema(example = 1_649_723_812)]
    start_time: Option<i64>,
    /// When it was submitted: seconds since 1970 UTC.
    #[schema(example = 1_649_723_812)]
    submit_time: Option<i64>,
    /// Memory asked for, in MB.
    #[schema(example = 128_000)]
    requested_memory: Option<i64>,
    /// Nodes used, and what of them.
    #[schema(required = true, min_items = 1)]
    resources: Option<Vec<Resource>>,
    /// Script, name, messages of the batch system, by key.
    meta_data: Option<BTreeMap<String, String>>,
    /// Tags to attach; made if there is none like it.
    tags: Option<Vec<Tag>>,
    /// Statistics by metric.
    statistics: Option<BTreeMap<String, Statistics>>,
    /// Energy used, in kWh.
    energy: Option<f64>,
    /// Footprint by metric.
    footprint: Option<BTreeMap<String, f64>>,
    /// Energy by metric.
    energy_footprint: Option<BTreeMap<String, f64>>,
    /// Ignored.
    concurrent_jobs: Option<ConcurrentJobs>,
}

go_object!(JobMeta {
    "id" => id,
    "jobId" => job_id,
    "user" => user,
    "project" => project,
    "cluster" => cluster,
    "subCluster" => sub_cluster,
    "partition" => partition,
    "arrayJobId" => array_job_id,
    "numNodes" => num_nodes,
    "numHwthreads" => num_hwthreads,
    "numAcc" => num_acc,
    "exclusive" => exclusive,
    "shared" => shared,
    "monitoringStatus" => monitoring_status,
    "smt" => smt,
    "jobState" => job_state,
    "duration" => duration,
    "walltime" => walltime,
    "startTime" => start_time,
    "submitTime" => submit_time,
    "requestedMemory" => requested_memory,
    "resources" => resources,
    "metaData" => meta_data,
    "tags" => tags,
    "statistics" => statistics,
    "energy" => energy,
    "footprint" => footprint,
    "energyFootprint" => energy_footprint,
    "concurrentJobs" => concurrent_jobs,
});

impl JobMeta {
    /// The command it asks for, if it can be one. That the archive knows the cluster is looked at by
    /// the archive.
    pub fn into_command(self, caller: &Principal) -> Result<StartJob, RequestError> {
        let cluster = self.cluster.unwrap_or_default();
        if cluster.is_empty() {
            return Err(RequestError::invalid("no such cluster: "));
        }
        let state = state(self.job_state.as_deref().unwrap_or_default())?;
        let resources = self.resources.unwrap_or_default();
        let user = self.user.unwrap_or_default();
        if resources.is_empty() || user.is_empty() {
            return Err(RequestError::invalid(
                "'resources' and 'user' should not be empty",
            ));
        }
        let num_nodes = self.num_nodes.unwrap_or_default();
        let num_hwthreads = self.num_hwthreads.unwrap_or_default();
        let num_acc = self.num_acc.unwrap_or_default();
        if num_nodes < 1 || num_hwthreads < 0 || num_acc < 0 {
            return Err(RequestError::invalid(
                "'numNodes', 'numAcc' or 'numHWThreads' invalid",
            ));
        }
        if usize::try_from(num_nodes) != Ok(resources.len()) {
            return Err(RequestError::invalid(format!(
                "len(resources) does not equal numNodes ({} vs {num_nodes})",
                resources.len()
            )));
        }
        // What follows cc-backend leaves to its database, and answers 500.
        let command = StartJob {
            job_id: self.job_id.unwrap_or_default(),
            user,
            project: self.project.unwrap_or_default(),
            cluster,
            sub_cluster: self.sub_cluster.filter(|name| !name.is_empty()),
            partition: self.partition.unwrap_or_default(),
            array_job_id: self.array_job_id.unwrap_or_default(),
            num_nodes,
            num_hwthreads,
            num_acc,
            sharing: sharing(self.exclusive, self.shared.as_deref())?,
            monitoring_status: within(
                "monitoringStatus",
                self.monitoring_status.unwrap_or(DEFAULT_MONITORING_STATUS),
                LAST_MONITORING_STATUS,
            )?,
            smt: within("smt", self.smt.unwrap_or_default(), i32::MAX)?,
            state,
            duration: self.duration.unwrap_or_default().into(),
            walltime: self.walltime.unwrap_or_default(),
            start_time: self.start_time.unwrap_or_default(),
            details: JobDetails {
                resources: resources.into_iter().map(Into::into).collect(),
                requested_memory: self.requested_memory.unwrap_or_default(),
                submit_time: self.submit_time.unwrap_or_default(),
                energy: self.energy,
                footprint: self.footprint.unwrap_or_default(),
                energy_footprint: self.energy_footprint.unwrap_or_default(),
                statistics: self
                    .statistics
                    .unwrap_or_default()
                    .into_iter()
                    .map(|(metric, statistics)| (metric, statistics.into()))
                    .collect(),
            },
            meta_data: self.meta_data.unwrap_or_default(),
            tags: writable(self.tags.unwrap_or_default(), caller)?,
        };
        check_texts(&command)?;
        Ok(command)
    }
}

fn state(name: &str) -> Result<JobState, RequestError> {
    if name.is_empty() {
        return Ok(JobState::Running);
    }
    JobState::from_name(name)
        .ok_or_else(|| RequestError::invalid(format!("not a valid job state: {name}")))
}

/// Both members say the same; a client that sends both has to mean the same by them.
fn sharing(exclusive: Option<i32>, shared: Option<&str>) -> Result<NodeSharing, RequestError> {
    let by_number = exclusive
        .map(|number| {
            NodeSharing::from_exclusive(number).ok_or_else(|| {
                RequestError::invalid(format!("'exclusive' has to be 0, 1 or 2 and is {number}"))
            })
        })
        .transpose()?;
    let by_name = shared
        .map(|name| {
            NodeSharing::from_name(name).ok_or_else(|| {
                RequestError::invalid(format!(
                    "'shared' has to be none, single_user or multi_user and is {name:?}"
                ))
            })
        })
        .transpose()?;
    match (by_number, by_name) {
        (Some(one), Some(other)) if one != other => Err(RequestError::invalid(format!(
            "'exclusive' {} and 'shared' {:?} contradict each other",
            one.exclusive(),
            other.name()
        ))),
        (sharing, other) => Ok(sharing.or(other).unwrap_or_default()),
    }
}

fn within(name: &str, number: i32, last: i32) -> Result<i32, RequestError> {
    if (0..=last).contains(&number) {
        return Ok(number);
    }
    Err(RequestError::invalid(format!(
        "'{name}' has to be from 0 to {last} and is {number}"
    )))
}

fn check_texts(command: &StartJob) -> Result<(), RequestError> {
    let job = [
        ("user", &command.user),
        ("project", &command.project),
        ("cluster", &command.cluster),
        ("partition", &command.partition),
    ];
    let sub_cluster = command.sub_cluster.iter().map(|name| ("subCluster", name));
    let tags = command
        .tags
        .iter()
        .flat_map(|tag| [("tags.type", &tag.kind), ("tags.name", &tag.name)]);
    let hosts = command
        .details
        .resources
        .iter()
        .map(|resource| ("resources.hostname", &resource.hostname));
    for (name, text) in job.into_iter().chain(sub_cluster).chain(tags).chain(hosts) {
        if text.len() > TEXT_LIMIT {
            return Err(RequestError::invalid(format!(
                "'{name}' has {} bytes and may have {TEXT_LIMIT}",
                text.len()
            )));
        }
    }
    Ok(())
}
