//! From the tables to an archive.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use muster_contract::job_archive::{Job, JobState};
use muster_storage::Database;

use super::{Seen, TransferError};
use crate::{
    archive::files::{ArchiveError, ArchiveFiles},
    domain::{
        archive_layout::{JobKey, is_directory_name},
        compute_jobs::CLUSTER,
        data_file::{self, DataFile},
        format_version::FormatVersion,
        job_data::JobData,
        meta_file,
    },
    metrics::agents::DESCRIPTION,
    store::{archived_jobs::jobs_after, cluster_documents::named},
};

/// Jobs whose files are written at once.
const AT_ONCE: usize = 16;

/// How it is exported.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExportOptions {
    /// The version that the archive shall have.
    pub version: FormatVersion,
}

/// Writes the files of every job in the tables that has stopped to the archive `to`, and returns how many these are. What was
/// measured comes from the service's `own` archive; in that, it stays as it is. Jobs that are not to be archived (monitoring
/// status 0) go to other archives only.
///
/// # Errors
/// `to` is an archive of another version, or something cannot be read or written; the export can be begun again.
pub async fn export(
    database: &Database,
    own: &ArchiveFiles,
    to: &ArchiveFiles,
    options: ExportOptions,
    seen: Seen<'_>,
) -> Result<u64, TransferError> {
    let to_own = own.place() == to.place();
    let clusters = named(database).await?;
    let version = to.prepare(&clusters, options.version).await?;
    if version != options.version {
        return Err(TransferError::OtherVersion {
            place: to.place().to_string(),
            found: version.number(),
            wanted: options.version.number(),
        });
    }
    let mut described: Vec<String> = clusters.into_iter().map(|(name, _)| name).collect();
    let (mut last, mut count) = (0, 0);
    loop {
        let jobs = jobs_after(database, last).await?;
        let Some(greatest) = jobs.iter().map(|job| job.id).max() else {
            return Ok(count);
        };
        last = greatest;
        let wanted = |job: &Job| {
            job.state != JobState::Running
                && !(to_own && job.monitoring_status == 0)
                && is_directory_name(&job.cluster)
        };
        let jobs: Vec<Job> = jobs.into_iter().filter(wanted).collect();
        for job in &jobs {
            if !described.contains(&job.cluster) {
                let described_now = [(job.cluster.clone(), description(job))];
                to.prepare(&described_now, version).await?;
                described.push(job.cluster.clone());
            }
        }
        let from = (!to_own).then_some(own);
        count += jobs.len() as u64;
        stream::iter(jobs)
            .map(|job| async move {
                let written = write(from, to, version, job).await;
                seen();
                written
            })
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await?;
    }
}

async fn write(
    from: Option<&ArchiveFiles>,
    to: &ArchiveFiles,
    version: FormatVersion,
    job: Job,
) -> Result<(), TransferError> {
    let key = JobKey {
        cluster: job.cluster.clone(),
        job_id: job.job_id,
        start_time: job.start_time,
    };
    let wrong = |source| ArchiveError::Meta {
        place: key.directory(),
        source,
    };
    let meta = match to.read_meta(&key).await? {
        Some(before) => meta_file::write_over(&before, &job, version),
        None => meta_file::write(&job, version),
    }
    .map_err(wrong)?;
    let measured = match from {
        Some(from) => from.read_data_file(&key).await?,
        None => None,
    };
    let data = match measured {
        Some(data) => Some(data),
        None if to.read_data_file(&key).await?.is_some() => None,
        None => Some(nothing_measured(&key)?),
    };
    Ok(to.write_job(&key, meta, data).await?)
}

/// Readers want a file even where nothing was measured.
fn nothing_measured(key: &JobKey) -> Result<DataFile, ArchiveError> {
    data_file::write(&JobData::default()).map_err(|source| ArchiveError::Data {
        place: key.directory(),
        source,
    })
}

/// Of a cluster that the site does not describe, such as that of job sessions: every directory of an archive has one.
fn description(job: &Job) -> String {
    if job.cluster == CLUSTER {
        return DESCRIPTION.to_owned();
    }
    let sub_cluster = serde_json::json!({"name": job.sub_cluster, "nodes": "*"});
    let cluster = serde_json::json!({
        "name": job.cluster, "metricConfig": [], "subClusters": [sub_cluster],
    });
    cluster.to_string()
}
