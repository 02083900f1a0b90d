//! The files of an archive. Each is written under another name, made durable and then renamed (S3 does the like), so that a
//! reader sees it whole or not at all.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{
    StreamExt as _, TryStreamExt as _,
    stream::{self, BoxStream},
};
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload, path::Path};

use super::{breakpoint, place::ArchivePlace};
use crate::domain::{
    archive_layout::{
        CLUSTER_FILE, COMPRESSED_DATA_FILE, DATA_FILE, JobKey, META_FILE, VERSION_FILE,
        is_directory_name,
    },
    data_file::{self, DataFile, DataFileError},
    format_version::FormatVersion,
    job_data::JobData,
    meta_file::MetaFileError,
};

/// Why something could not be done with an archive.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// There can be none at such a place.
    #[error("the place of the archive: {reason}")]
    Place {
        /// Why.
        reason: String,
    },
    /// The disk or S3.
    #[error("{what}: {}", causes(.source))]
    Store {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: object_store::Error,
    },
    /// Its version is one that Muster does not know.
    #[error("version.txt says {text:?}, and only the versions 1 to 3 are known")]
    Version {
        /// What the file says.
        text: String,
    },
    /// The job or cluster can have no directory.
    #[error(
        "no directory can have the name of the cluster {cluster:?}, or the job's number or start is negative"
    )]
    Name {
        /// The cluster.
        cluster: String,
    },
    /// A `meta.json`.
    #[error("{place}/meta.json: {source}")]
    Meta {
        /// The job's directory.
        place: String,
        /// What is wrong with it.
        source: MetaFileError,
    },
    /// A data file.
    #[error("{place}/data.json: {source}")]
    Data {
        /// The job's directory.
        place: String,
        /// What is wrong with it.
        source: DataFileError,
    },
}

impl ArchiveError {
    /// From the store's error, with what was tried.
    pub(super) fn from_store(what: &str) -> impl Fn(object_store::Error) -> Self {
        move |source| Self::Store {
            what: what.to_owned(),
            source,
        }
    }
}

/// An error with its causes: the outermost does not name the one that matters, such as a full disk.
fn causes(error: &object_store::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let own = error.to_string();
        if !text.contains(&own) {
            text.push_str(": ");
            text.push_str(&own);
        }
        cause = error.source();
    }
    text
}

/// Files that are asked for at once where each takes its time.
const READ_AT_ONCE: usize = 32;

/// A job as it was read.
#[derive(Debug)]
pub(crate) struct ReadJob {
    pub(crate) key: JobKey,
    /// Its `meta.json`, or why there is none.
    pub(crate) meta: Result<Bytes, String>,
}

fn read_from(root: &std::path::Path, key: JobKey) -> ReadJob {
    let path = root.join(key.directory()).join(META_FILE);
    let meta = std::fs::read(path).map(Bytes::from);
    ReadJob {
        key,
        meta: meta.map_err(|error| error.to_string()),
    }
}

/// An archive; cheap to clone.
#[derive(Debug, Clone)]
pub struct ArchiveFiles {
    place: ArchivePlace,
    store: Arc<dyn ObjectStore>,
    root: Path,
}

impl ArchiveFiles {
    /// Opens it; a directory is made if it is missing.
    ///
    /// # Errors
    /// There can be none at this place.
    pub fn open(place: ArchivePlace) -> Result<Self, ArchiveError> {
        let (store, root) = place.open()?;
        Ok(Self { place, store, root })
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> &ArchivePlace {
        &self.place
    }

    /// Its version; `None` where there is no archive yet.
    ///
    /// # Errors
    /// It cannot be read, or is not known.
    pub async fn version(&self) -> Result<Option<FormatVersion>, ArchiveError> {
        let Some(bytes) = self.read(VERSION_FILE).await? else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        FormatVersion::from_text(&text)
            .map(Some)
            .ok_or(ArchiveError::Version { text })
    }

    /// Makes it an archive with these clusters, by name, and returns its version: what is there stays in its version, an empty
    /// place gets `new`. Files that say the same are not written again.
    ///
    /// # Errors
    /// As [`version`](Self::version), or it cannot be written.
    pub async fn prepare(
        &self,
        clusters: &[(String, String)],
        new: FormatVersion,
    ) -> Result<FormatVersion, ArchiveError> {
        let version = if let Some(version) = self.version().await? {
            version
        } else {
            self.write(VERSION_FILE, new.text().into_bytes()).await?;
            new
        };
        for (name, document) in clusters.iter().filter(|(name, _)| is_directory_name(name)) {
            let path = format!("{name}/{CLUSTER_FILE}");
            let there = self.read(&path).await?;
            if there.as_deref() != Some(document.as_bytes()) {
                self.write(&path, document.clone().into_bytes()).await?;
            }
        }
        Ok(version)
    }

    /// The description of a cluster.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn cluster(&self, name: &str) -> Result<Option<Bytes>, ArchiveError> {
        if !is_directory_name(name) {
            return Ok(None);
        }
        self.read(&format!("{name}/{CLUSTER_FILE}")).await
    }

    /// Writes what was measured of a job, and then `meta.json`, with which the job is there. Of `data.json` and its compressed
    /// form, one is left. Without `data` what is there stays.
    pub(crate) async fn write_job(
        &self,
        key: &JobKey,
        meta: Vec<u8>,
        data: Option<DataFile>,
    ) -> Result<(), ArchiveError> {
        let directory = directory_of(key)?;
        breakpoint::reached(breakpoint::BEFORE_DATA).await;
        if let Some(data) = data {
            let (name, other) = if data.compressed {
                (COMPRESSED_DATA_FILE, DATA_FILE)
            } else {
                (DATA_FILE, COMPRESSED_DATA_FILE)
            };
            self.write(&format!("{directory}/{name}"), data.bytes)
                .await?;
            self.delete(&format!("{directory}/{other}")).await?;
        }
        breakpoint::reached(breakpoint::BEFORE_META).await;
        self.write(&format!("{directory}/{META_FILE}"), meta)
            .await?;
        breakpoint::reached(breakpoint::AFTER_META).await;
        Ok(())
    }

    /// Writes `meta.json` alone.
    pub(crate) async fn write_meta(&self, key: &JobKey, meta: Vec<u8>) -> Result<(), ArchiveError> {
        self.write_job(key, meta, None).await
    }

    /// The `meta.json` of a job, if it is there.
    pub(crate) async fn read_meta(&self, key: &JobKey) -> Result<Option<Bytes>, ArchiveError> {
        let directory = directory_of(key)?;
        self.read(&format!("{directory}/{META_FILE}")).await
    }

    /// The data file of a job as it is, if there is one.
    pub(crate) async fn read_data_file(
        &self,
        key: &JobKey,
    ) -> Result<Option<DataFile>, ArchiveError> {
        let directory = directory_of(key)?;
        for (name, compressed) in [(COMPRESSED_DATA_FILE, true), (DATA_FILE, false)] {
            if let Some(bytes) = self.read(&format!("{directory}/{name}")).await? {
                return Ok(Some(DataFile {
                    bytes: bytes.into(),
                    compressed,
                }));
            }
        }
        Ok(None)
    }

    /// What was measured of a job, if the archive has it.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn read_data(&self, key: &JobKey) -> Result<Option<JobData>, ArchiveError> {
        let Some(file) = self.read_data_file(key).await? else {
            return Ok(None);
        };
        data_file::read(&file.bytes, file.compressed)
            .map(Some)
            .map_err(|source| ArchiveError::Data {
                place: key.directory(),
                source,
            })
    }

    /// Every file of the archive with its size, in no promised order. Memory does not grow with the archive.
    pub(crate) fn list(&self) -> BoxStream<'_, Result<(String, u64), ArchiveError>> {
        let root = self.root.clone();
        let prefix = Some(&self.root).filter(|root| !root.is_root());
        self.store
            .list(prefix)
            .map_err(ArchiveError::from_store("listing the archive"))
            .try_filter_map(move |file| {
                let path = relative(&root, &file.location);
                std::future::ready(Ok(path.map(|path| (path, file.size))))
            })
            .boxed()
    }

    /// The jobs of the archive: the directories that have a `meta.json`, in no promised order.
    pub(crate) fn jobs(&self) -> BoxStream<'_, Result<JobKey, ArchiveError>> {
        self.list()
            .try_filter_map(async |(path, _)| {
                let directory = path.strip_suffix(META_FILE);
                let directory = directory.and_then(|path| path.strip_suffix('/'));
                Ok(directory.and_then(JobKey::of_directory))
            })
            .boxed()
    }

    /// The `meta.json` of many jobs; of one that cannot be read, why.
    pub(crate) async fn read_jobs(&self, keys: Vec<JobKey>) -> Vec<ReadJob> {
        if let ArchivePlace::Directory(root) = &self.place {
            let root = root.clone();
            // One way to another thread for all of them: that costs more than reading a small file.
            let reading = move || keys.into_iter().map(|key| read_from(&root, key)).collect();
            return tokio::task::spawn_blocking(reading)
                .await
                .unwrap_or_default();
        }
        stream::iter(keys)
            .map(|key| async move {
                let read = self.read_meta(&key).await;
                let meta = read.map_err(|error| error.to_string());
                let meta = meta.and_then(|meta| meta.ok_or_else(|| "it is gone".to_owned()));
                ReadJob { key, meta }
            })
            .buffer_unordered(READ_AT_ONCE)
            .collect()
            .await
    }

    /// Whether there is such a file of a job.
    pub(crate) async fn has_meta(&self, directory: &str) -> Result<bool, ArchiveError> {
        match self
            .store
            .head(&self.path(&format!("{directory}/{META_FILE}")))
            .await
        {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(source) => Err(ArchiveError::Store {
                what: format!("looking at {directory}"),
                source,
            }),
        }
    }

    async fn read(&self, path: &str) -> Result<Option<Bytes>, ArchiveError> {
        let read = async { self.store.get(&self.path(path)).await?.bytes().await };
        match read.await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(ArchiveError::Store {
                what: format!("reading {path}"),
                source,
            }),
        }
    }

    pub(crate) async fn write(&self, path: &str, bytes: Vec<u8>) -> Result<(), ArchiveError> {
        let payload = PutPayload::from(bytes);
        let written = self.store.put(&self.path(path), payload).await;
        written
            .map(|_| ())
            .map_err(ArchiveError::from_store(&format!("writing {path}")))
    }

    async fn delete(&self, path: &str) -> Result<(), ArchiveError> {
        match self.store.delete(&self.path(path)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(source) => Err(ArchiveError::Store {
                what: format!("removing {path}"),
                source,
            }),
        }
    }

    fn path(&self, path: &str) -> Path {
        path.split('/').fold(self.root.clone(), Path::join)
    }
}

pub(super) fn directory_of(key: &JobKey) -> Result<String, ArchiveError> {
    if key.is_placeable() {
        Ok(key.directory())
    } else {
        Err(ArchiveError::Name {
            cluster: key.cluster.clone(),
        })
    }
}

fn relative(root: &Path, location: &Path) -> Option<String> {
    let parts = location.prefix_match(root)?;
    let parts: Vec<String> = parts.map(|part| part.as_ref().to_owned()).collect();
    Some(parts.join("/"))
}
