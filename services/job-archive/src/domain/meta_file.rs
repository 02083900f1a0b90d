//! `meta.json`: what the archive says of a job (`api/clustercockpit.md` §2.2). All three versions of the format are read as
//! one; which one a file is in shows in its members.

use std::collections::BTreeMap;

use muster_contract::job_archive::{
    Job, JobDetails, JobState, MetricStatistics, NewTag, NodeSharing, Resource, StartJob, Tag,
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::{archive_layout::JobKey, format_version::FormatVersion};

/// The scope of tags that everybody sees; what a tag without a scope has.
const GLOBAL: &str = "global";

/// Why a `meta.json` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MetaFileError {
    /// It is no such document.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// A member has a value that it cannot have.
    #[error("the member {member} cannot be {value}")]
    Value {
        /// The member.
        member: &'static str,
        /// Its value.
        value: String,
    },
}

/// The members, as they are written. What a producer left out is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetaFile {
    job_id: i64,
    user: String,
    #[serde(default)]
    project: String,
    cluster: String,
    #[serde(default)]
    sub_cluster: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    partition: String,
    #[serde(default, skip_serializing_if = "is_zero")]
    array_job_id: i64,
    num_nodes: i32,
    #[serde(default, skip_serializing_if = "is_zero")]
    num_hwthreads: i32,
    #[serde(default, skip_serializing_if = "is_zero")]
    num_acc: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exclusive: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shared: Option<String>,
    #[serde(default, skip_serializing_if = "is_zero")]
    monitoring_status: i32,
    #[serde(default, skip_serializing_if = "is_zero")]
    smt: i32,
    job_state: String,
    duration: i64,
    #[serde(default, skip_serializing_if = "is_zero")]
    walltime: i64,
    start_time: i64,
    #[serde(default, skip_serializing_if = "is_zero")]
    submit_time: i64,
    #[serde(default, skip_serializing_if = "is_zero")]
    requested_memory: i64,
    #[serde(deserialize_with = "null_is_empty")]
    resources: Vec<Resource>,
    #[serde(
        default,
        deserialize_with = "null_is_empty",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    meta_data: BTreeMap<String, String>,
    #[serde(
        default,
        deserialize_with = "null_is_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    tags: Vec<MetaTag>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    energy: Option<f64>,
    #[serde(
        default,
        deserialize_with = "null_is_empty",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    footprint: BTreeMap<String, f64>,
    #[serde(
        default,
        deserialize_with = "null_is_empty",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    energy_footprint: BTreeMap<String, f64>,
    /// Required by the schema, even if nothing was measured.
    #[serde(default, deserialize_with = "null_is_empty")]
    statistics: BTreeMap<String, MetricStatistics>,
    /// Ours: which tenant reported it. Others pass over members that they do not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
}

/// Members that a file may have and that need not be there, by which is known which ones of an older file were taken away on
/// purpose.
const MEMBERS: [&str; 26] = [
    "jobId",
    "user",
    "project",
    "cluster",
    "subCluster",
    "partition",
    "arrayJobId",
    "numNodes",
    "numHwthreads",
    "numAcc",
    "exclusive",
    "shared",
    "monitoringStatus",
    "smt",
    "jobState",
    "duration",
    "walltime",
    "startTime",
    "submitTime",
    "requestedMemory",
    "resources",
    "metaData",
    "tags",
    "energy",
    "footprint",
    "energyFootprint",
];

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct MetaTag {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    scope: String,
}

/// A job as an archive has it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ArchivedJob {
    /// The tenant that reported it; none in archives that Muster has not written.
    pub(crate) tenant: Option<String>,
    /// What is known of it; its sub cluster is always there.
    pub(crate) job: StartJob,
}

impl ArchivedJob {
    /// By its own key.
    #[must_use]
    pub(crate) fn key(&self) -> JobKey {
        JobKey {
            cluster: self.job.cluster.clone(),
            job_id: self.job.job_id,
            start_time: self.job.start_time,
        }
    }

    /// As the tables would have it; `tenant` reported it unless it says so itself.
    #[must_use]
    pub(crate) fn into_job(self, tenant: &str) -> Job {
        let start = self.job;
        Job {
            id: 0,
            job_id: start.job_id,
            tenant: self.tenant.unwrap_or_else(|| tenant.to_owned()),
            user: start.user,
            project: start.project,
            cluster: start.cluster,
            sub_cluster: start.sub_cluster.unwrap_or_default(),
            partition: start.partition,
            array_job_id: start.array_job_id,
            num_nodes: start.num_nodes,
            num_hwthreads: start.num_hwthreads,
            num_acc: start.num_acc,
            sharing: start.sharing,
            monitoring_status: start.monitoring_status,
            smt: start.smt,
            state: start.state,
            duration: start.duration,
            walltime: start.walltime,
            start_time: start.start_time,
            details: start.details,
            meta_data: Some(start.meta_data).filter(|data| !data.is_empty()),
            tags: start
                .tags
                .into_iter()
                .map(|tag| Tag {
                    id: 0,
                    kind: tag.kind,
                    name: tag.name,
                    scope: tag.scope,
                })
                .collect(),
        }
    }
}

/// Reads a file of any version.
///
/// # Errors
/// It is no `meta.json`.
pub(crate) fn read(bytes: &[u8]) -> Result<ArchivedJob, MetaFileError> {
    let file: MetaFile = serde_json::from_slice(bytes)?;
    let state = JobState::from_name(&file.job_state).ok_or_else(|| MetaFileError::Value {
        member: "jobState",
        value: file.job_state.clone(),
    })?;
    let sharing = sharing(&file)?;
    if file.user.is_empty() || file.num_nodes < 1 || file.num_hwthreads < 0 || file.num_acc < 0 {
        return Err(MetaFileError::Value {
            member: "user, numNodes, numHwthreads or numAcc",
            value: "empty or below what it must be".to_owned(),
        });
    }
    let tags = file.tags.into_iter().map(|tag| NewTag {
        kind: tag.kind,
        name: tag.name,
        scope: if tag.scope.is_empty() {
            GLOBAL.to_owned()
        } else {
            tag.scope
        },
    });
    Ok(ArchivedJob {
        tenant: file.tenant,
        job: StartJob {
            job_id: file.job_id,
            user: file.user,
            project: file.project,
            cluster: file.cluster,
            sub_cluster: Some(file.sub_cluster),
            partition: file.partition,
            array_job_id: file.array_job_id,
            num_nodes: file.num_nodes,
            num_hwthreads: file.num_hwthreads,
            num_acc: file.num_acc,
            sharing,
            monitoring_status: file.monitoring_status.clamp(0, 3),
            smt: file.smt,
            state,
            duration: file.duration,
            walltime: file.walltime,
            start_time: file.start_time,
            details: JobDetails {
                resources: file.resources,
                requested_memory: file.requested_memory,
                submit_time: file.submit_time,
                energy: file.energy,
                footprint: file.footprint,
                energy_footprint: file.energy_footprint,
                statistics: file.statistics,
            },
            meta_data: file.meta_data,
            tags: tags.collect(),
        },
    })
}

fn sharing(file: &MetaFile) -> Result<NodeSharing, MetaFileError> {
    let known = match (&file.shared, file.exclusive) {
        (Some(word), _) => NodeSharing::from_name(word),
        (None, Some(number)) => NodeSharing::from_exclusive(number),
        (None, None) => Some(NodeSharing::default()),
    };
    known.ok_or_else(|| MetaFileError::Value {
        member: "shared or exclusive",
        value: format!("{:?} or {:?}", file.shared, file.exclusive),
    })
}

/// Writes the file of a job in a version of the format, as it is with all its tags.
///
/// # Errors
/// A number that JSON cannot say.
pub(crate) fn write(job: &Job, version: FormatVersion) -> Result<Vec<u8>, MetaFileError> {
    Ok(serde_json::to_vec(&file_of(job, version))?)
}

/// Writes the file anew; what Muster does not know of is kept from the file that is there.
///
/// # Errors
/// As [`write`].
pub(crate) fn write_over(
    before: &[u8],
    job: &Job,
    version: FormatVersion,
) -> Result<Vec<u8>, MetaFileError> {
    let Ok(Value::Object(mut members)) = serde_json::from_slice(before) else {
        return write(job, version);
    };
    for member in MEMBERS {
        members.remove(member);
    }
    let own: Map<String, Value> = match serde_json::to_value(file_of(job, version))? {
        Value::Object(own) => own,
        _ => Map::new(),
    };
    members.extend(own);
    Ok(serde_json::to_vec(&members)?)
}

fn file_of(job: &Job, version: FormatVersion) -> MetaFile {
    let details = &job.details;
    let (exclusive, shared) = match version {
        FormatVersion::V1 | FormatVersion::V2 => (Some(job.sharing.exclusive()), None),
        FormatVersion::V3 => (None, Some(job.sharing.name().to_owned())),
    };
    let tags = job.tags.iter().map(|tag| MetaTag {
        kind: tag.kind.clone(),
        name: tag.name.clone(),
        // The first version knows no scopes.
        scope: if version == FormatVersion::V1 {
            String::new()
        } else {
            tag.scope.clone()
        },
    });
    let with_footprint = version > FormatVersion::V1;
    MetaFile {
        job_id: job.job_id,
        user: job.user.clone(),
        project: job.project.clone(),
        cluster: job.cluster.clone(),
        sub_cluster: job.sub_cluster.clone(),
        partition: job.partition.clone(),
        array_job_id: job.array_job_id,
        num_nodes: job.num_nodes,
        num_hwthreads: job.num_hwthreads,
        num_acc: job.num_acc,
        exclusive,
        shared,
        monitoring_status: job.monitoring_status,
        smt: job.smt,
        job_state: state_in(job.state, version).name().to_owned(),
        duration: job.duration,
        walltime: job.walltime,
        start_time: job.start_time,
        submit_time: details.submit_time,
        requested_memory: details.requested_memory,
        resources: details.resources.clone(),
        meta_data: job.meta_data.clone().unwrap_or_default(),
        tags: tags.collect(),
        energy: details.energy.filter(|_| with_footprint),
        footprint: if with_footprint {
            details.footprint.clone()
        } else {
            BTreeMap::new()
        },
        energy_footprint: if with_footprint {
            details.energy_footprint.clone()
        } else {
            BTreeMap::new()
        },
        statistics: details.statistics.clone(),
        tenant: Some(job.tenant.clone()),
    }
}

/// The nearest state that the version has: readers refuse words that they do not know.
fn state_in(state: JobState, version: FormatVersion) -> JobState {
    use JobState::{
        BootFail, Cancelled, Completed, Deadline, Failed, NodeFail, OutOfMemory, Pending,
        Preempted, Running, Stopped, Suspended, Timeout,
    };
    match (version, state) {
        (FormatVersion::V1, BootFail | NodeFail) => Failed,
        (FormatVersion::V1, Deadline) => Timeout,
        (FormatVersion::V1, Preempted | Pending | Running | Suspended) => Stopped,
        (FormatVersion::V3, Stopped) => Cancelled,
        (
            _,
            state @ (BootFail | Cancelled | Completed | Deadline | Failed | NodeFail | OutOfMemory
            | Pending | Preempted | Running | Stopped | Suspended | Timeout),
        ) => state,
    }
}

fn null_is_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn is_zero<T: PartialEq + Default>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests;
