//! A job as it is read from the table.

use muster_contract::job_archive::{Job, JobDetails, JobState, NodeSharing, Tag};
use muster_storage::StorageError;
use sqlx::FromRow;

use super::unreadable;
use crate::domain::archive_layout::JobKey;

/// The columns of [`JobRow`] but `meta_data`, read from a table called `job`. The tags are not among them, only whether
/// there are any: most jobs have none, and then they need not be asked for. (For `EXISTS`, PostgreSQL may read all of
/// `job_tag` into a hash table; a value it looks up job by job.)
macro_rules! job_columns {
    () => {
        "job.id, job.tenant, job.job_id, job.cluster, job.sub_cluster, job.start_time, job.state, job.user_name, \
         job.project, job.partition, job.array_job_id, job.num_nodes, job.num_hwthreads, job.num_acc, job.sharing, \
         job.monitoring_status, job.smt, job.duration, job.walltime, job.details, \
         (SELECT MIN(job_tag.tag) FROM job_tag WHERE job_tag.job = job.id) IS NOT NULL AS tagged"
    };
}

/// What stands for `meta_data` where it is not asked for.
macro_rules! no_meta_data {
    () => {
        "CAST(NULL AS TEXT) AS meta_data"
    };
}

pub(crate) use {job_columns, no_meta_data};

#[derive(Debug, FromRow)]
pub(crate) struct JobRow {
    pub(crate) id: i64,
    pub(crate) tenant: String,
    pub(crate) job_id: i64,
    pub(crate) cluster: String,
    pub(crate) sub_cluster: String,
    pub(crate) start_time: i64,
    pub(crate) state: String,
    pub(crate) user_name: String,
    pub(crate) project: String,
    pub(crate) partition: String,
    pub(crate) array_job_id: i64,
    pub(crate) num_nodes: i64,
    pub(crate) num_hwthreads: i64,
    pub(crate) num_acc: i64,
    pub(crate) sharing: String,
    pub(crate) monitoring_status: i64,
    pub(crate) smt: i64,
    pub(crate) duration: i64,
    pub(crate) walltime: i64,
    pub(crate) details: String,
    pub(crate) tagged: bool,
    pub(crate) meta_data: Option<String>,
}

impl JobRow {
    /// By its own key.
    pub(crate) fn key(&self) -> JobKey {
        JobKey {
            cluster: self.cluster.clone(),
            job_id: self.job_id,
            start_time: self.start_time,
        }
    }

    /// Bytes of the documents it holds, which can be long.
    pub(crate) fn size(&self) -> usize {
        self.details.len() + self.meta_data.as_ref().map_or(0, String::len)
    }

    /// The job, with the tags that were read for it.
    pub(crate) fn into_job(self, tags: Vec<Tag>) -> Result<Job, StorageError> {
        let details: JobDetails =
            serde_json::from_str(&self.details).map_err(|error| unreadable("details", error))?;
        let meta_data = self
            .meta_data
            .as_deref()
            .map(serde_json::from_str)
            .transpose()
            .map_err(|error| unreadable("meta_data", error))?;
        Ok(Job {
            id: self.id,
            job_id: self.job_id,
            tenant: self.tenant,
            user: self.user_name,
            project: self.project,
            cluster: self.cluster,
            sub_cluster: self.sub_cluster,
            partition: self.partition,
            array_job_id: self.array_job_id,
            num_nodes: small("num_nodes", self.num_nodes)?,
            num_hwthreads: small("num_hwthreads", self.num_hwthreads)?,
            num_acc: small("num_acc", self.num_acc)?,
            sharing: NodeSharing::from_name(&self.sharing)
                .ok_or_else(|| unreadable("sharing", &self.sharing))?,
            monitoring_status: small("monitoring_status", self.monitoring_status)?,
            smt: small("smt", self.smt)?,
            state: state(&self.state)?,
            duration: self.duration,
            walltime: self.walltime,
            start_time: self.start_time,
            details,
            meta_data,
            tags,
        })
    }
}

/// A state as the table has it.
pub(crate) fn state(name: &str) -> Result<JobState, StorageError> {
    JobState::from_name(name).ok_or_else(|| unreadable("state", name))
}

fn small(column: &str, value: i64) -> Result<i32, StorageError> {
    i32::try_from(value).map_err(|_| unreadable(column, value))
}
