//! From an archive to the tables.

use std::collections::HashSet;

use futures_util::{StreamExt as _, TryStreamExt as _};
use muster_contract::job_archive::StartJob;
use muster_platform::Timestamp;
use muster_storage::{Database, StorageError};

use super::{CHUNK, Problems, Seen, TransferError};
use crate::{
    archive::files::{ArchiveError, ArchiveFiles, ReadJob},
    domain::{
        archive_layout::JobKey, format_version::FormatVersion, meta_file,
        storable::unstorable_member,
    },
    store::{
        archived_jobs::ARCHIVED,
        attach_tags::attach_tags,
        cluster_documents::add_missing,
        insert_jobs::{OldJob, insert_jobs},
    },
};

/// How it is imported.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// Whose the jobs are that do not say so: those of archives that Muster has not written.
    pub tenant: String,
    /// The time, noted with the clusters.
    pub now: Timestamp,
}

/// What was imported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// Jobs that are in the tables now.
    pub added: u64,
    /// Jobs that were there already; they stay as they are.
    pub known: u64,
    /// Jobs that could not be imported.
    pub problems: Problems,
}

/// Adds the jobs of the archive `from` to the tables, with their tags and the descriptions of their clusters. If `own` is
/// another archive, the service's own, it gets their files too.
///
/// # Errors
/// `from` is no archive, or one of the two cannot be read or written; what was added till then stays, and the import can be
/// begun again.
pub async fn import(
    database: &Database,
    from: &ArchiveFiles,
    own: &ArchiveFiles,
    options: &ImportOptions,
    seen: Seen<'_>,
) -> Result<Imported, TransferError> {
    let Some(version) = from.version().await? else {
        return Err(TransferError::NoArchive {
            place: from.place().to_string(),
        });
    };
    let own = (own.place() != from.place()).then_some(own);
    let copied_as = match own {
        Some(own) => Some(own.prepare(&[], FormatVersion::default()).await?),
        None => None,
    };
    let mut import = Import {
        database,
        from,
        copy: own.zip(copied_as),
        version,
        options,
        clusters: HashSet::new(),
        imported: Imported::default(),
    };
    let mut chunks = std::pin::pin!(
        from.jobs()
            .try_chunks(CHUNK)
            .map(|chunk| async move {
                let keys = chunk.map_err(|error| error.1)?;
                Ok::<_, TransferError>(from.read_jobs(keys).await)
            })
            // One is read while another is written.
            .buffered(2)
    );
    while let Some(jobs) = chunks.next().await {
        import.take(jobs?, seen).await?;
    }
    Ok(import.imported)
}

struct Import<'a> {
    database: &'a Database,
    from: &'a ArchiveFiles,
    /// Where the files go too, and the version they have there.
    copy: Option<(&'a ArchiveFiles, FormatVersion)>,
    /// Of the archive that is imported.
    version: FormatVersion,
    options: &'a ImportOptions,
    /// Those that are known to be there.
    clusters: HashSet<String>,
    imported: Imported,
}

/// A job that can be imported.
struct Readable {
    key: JobKey,
    tenant: String,
    job: StartJob,
    meta: Vec<u8>,
}

impl Import<'_> {
    async fn take(&mut self, jobs: Vec<ReadJob>, seen: Seen<'_>) -> Result<(), TransferError> {
        let mut readable = Vec::with_capacity(jobs.len());
        for job in jobs {
            seen();
            match self.readable(job) {
                Ok(job) => readable.push(job),
                Err((place, problem)) => self.imported.problems.add(place, problem),
            }
        }
        for job in &readable {
            self.cluster(&job.key.cluster).await?;
        }
        if let Some((own, version)) = self.copy {
            for job in &readable {
                self.copy_files(own, version, job).await?;
            }
        }
        Ok(self.insert(&readable).await?)
    }

    fn readable(&self, job: ReadJob) -> Result<Readable, (String, String)> {
        let ReadJob { key, meta } = job;
        let place = format!("{}/meta.json", key.directory());
        let wrong = |problem: String| (place.clone(), problem);
        let meta = meta.map_err(wrong)?;
        let archived = meta_file::read(&meta).map_err(|error| wrong(error.to_string()))?;
        if archived.key() != key {
            return Err(wrong("it is of another job than its directory".to_owned()));
        }
        let mut job = archived.job;
        if let Some(member) = unstorable_member(&job) {
            return Err(wrong(format!("{member} has the character U+0000")));
        }
        job.monitoring_status = ARCHIVED;
        let tenant = archived.tenant.filter(|tenant| !tenant.is_empty());
        Ok(Readable {
            key,
            tenant: tenant.unwrap_or_else(|| self.options.tenant.clone()),
            job,
            meta: meta.into(),
        })
    }

    /// Has the cluster be there, in the tables and in the archive that files are copied to.
    async fn cluster(&mut self, name: &str) -> Result<(), TransferError> {
        if !self.clusters.insert(name.to_owned()) {
            return Ok(());
        }
        let Some(document) = self.from.cluster(name).await? else {
            let place = format!("{name}/cluster.json");
            self.imported.problems.add(place, "it is not there");
            return Ok(());
        };
        let document = String::from_utf8_lossy(&document).into_owned();
        add_missing(self.database, name, &document, self.options.now).await?;
        if let Some((own, version)) = self.copy
            && own.cluster(name).await?.is_none()
        {
            own.prepare(&[(name.to_owned(), document)], version).await?;
        }
        Ok(())
    }

    async fn copy_files(
        &self,
        own: &ArchiveFiles,
        version: FormatVersion,
        job: &Readable,
    ) -> Result<(), TransferError> {
        let meta = if version == self.version {
            job.meta.clone()
        } else {
            meta_file::read(&job.meta)
                .and_then(|read| {
                    meta_file::write_over(&job.meta, &read.into_job(&job.tenant), version)
                })
                .map_err(|source| ArchiveError::Meta {
                    place: job.key.directory(),
                    source,
                })?
        };
        let data = self.from.read_data_file(&job.key).await?;
        Ok(own.write_job(&job.key, meta, data).await?)
    }

    async fn insert(&mut self, jobs: &[Readable]) -> Result<(), StorageError> {
        let mut transaction = self.database.begin().await?;
        let old = jobs.iter().map(|job| OldJob {
            tenant: &job.tenant,
            job: &job.job,
        });
        let added = insert_jobs(&mut transaction, old).await?;
        let tags = jobs
            .iter()
            .filter_map(|job| Some((added.get(&job.key)?, job)));
        let tags = tags.flat_map(|(id, job)| job.job.tags.iter().map(|tag| (*id, tag)));
        attach_tags(&mut transaction, tags).await?;
        transaction.commit().await?;
        let (added, all) = (added.len() as u64, jobs.len() as u64);
        self.imported.added += added;
        self.imported.known += all.saturating_sub(added);
        Ok(())
    }
}
