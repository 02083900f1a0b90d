//! What is in an archive.

use std::collections::BTreeMap;

use futures_util::TryStreamExt as _;
use serde::Serialize;

use super::{Seen, TransferError};
use crate::{
    archive::files::ArchiveFiles,
    domain::archive_layout::{JobKey, META_FILE},
};

/// What an archive has of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ClusterInfo {
    /// Its jobs.
    pub jobs: u64,
    /// The start of the first: seconds since 1970 UTC.
    pub first_start: Option<i64>,
    /// The start of the last: seconds since 1970 UTC.
    pub last_start: Option<i64>,
    /// Bytes of all its files.
    pub bytes: u64,
}

/// The clusters of an archive by name. Reads no file, only what files there are.
///
/// # Errors
/// It is no archive or cannot be read.
pub async fn info(
    files: &ArchiveFiles,
    seen: Seen<'_>,
) -> Result<BTreeMap<String, ClusterInfo>, TransferError> {
    if files.version().await?.is_none() {
        return Err(TransferError::NoArchive {
            place: files.place().to_string(),
        });
    }
    let mut clusters: BTreeMap<String, ClusterInfo> = BTreeMap::new();
    let mut list = files.list();
    while let Some((path, bytes)) = list.try_next().await? {
        let Some((cluster, _)) = path.split_once('/') else {
            continue;
        };
        let info = clusters.entry(cluster.to_owned()).or_default();
        info.bytes += bytes;
        let directory = path.strip_suffix(META_FILE);
        let directory = directory.and_then(|path| path.strip_suffix('/'));
        if let Some(key) = directory.and_then(JobKey::of_directory) {
            seen();
            let start = Some(key.start_time);
            info.jobs += 1;
            info.first_start = info.first_start.min(start).or(start);
            info.last_start = info.last_start.max(start);
        }
    }
    Ok(clusters)
}
