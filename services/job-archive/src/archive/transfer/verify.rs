//! Whether everything in an archive is as it should be.

use std::collections::HashSet;

use futures_util::{StreamExt as _, TryStreamExt as _};

use super::{Problems, Seen, TransferError};
use crate::{
    archive::files::{ArchiveError, ArchiveFiles},
    domain::{
        archive_layout::{
            CLUSTER_FILE, COMPRESSED_DATA_FILE, DATA_FILE, JobKey, META_FILE, VERSION_FILE,
        },
        clusters::Clusters,
        meta_file::{self, ArchivedJob},
    },
};

/// Jobs that are looked at at once.
const AT_ONCE: usize = 16;

/// Of ClusterCockpit's own; says when it last compressed files.
const COMPRESSION_FILE: &str = "compress.txt";

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Jobs that are there.
    pub jobs: u64,
    /// What is wrong.
    pub problems: Problems,
}

/// Reads every file of an archive, and says what is not as it should be: files that cannot be read or are not of the job whose
/// directory they are in, jobs without a cluster or without data, files that belong to nothing.
///
/// # Errors
/// It is no archive, or cannot be listed.
pub async fn verify(files: &ArchiveFiles, seen: Seen<'_>) -> Result<Verified, TransferError> {
    if files.version().await?.is_none() {
        return Err(TransferError::NoArchive {
            place: files.place().to_string(),
        });
    }
    let mut verified = Verified::default();
    let mut clusters = HashSet::new();
    let mut looked = files
        .list()
        .map(|listed| async move {
            let (path, _) = listed?;
            let found = look(files, &path).await;
            Ok::<_, ArchiveError>((path, found))
        })
        .buffer_unordered(AT_ONCE)
        .boxed();
    while let Some((path, found)) = looked.try_next().await? {
        match found {
            Found::Job(problems) => {
                seen();
                verified.jobs += 1;
                for problem in problems {
                    verified.problems.add(path.clone(), problem);
                }
            }
            Found::Right => {}
            Found::Wrong(problem) => verified.problems.add(path.clone(), problem),
        }
        if let Some((cluster, _)) = path.split_once('/')
            && !clusters.contains(cluster)
        {
            clusters.insert(cluster.to_owned());
            if let Err(problem) = cluster_is_right(files, cluster).await {
                let place = format!("{cluster}/{CLUSTER_FILE}");
                verified.problems.add(place, problem);
            }
        }
    }
    Ok(verified)
}

enum Found {
    /// A job, with what is wrong with it.
    Job(Vec<String>),
    Right,
    Wrong(String),
}

async fn look(files: &ArchiveFiles, path: &str) -> Found {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    let key = JobKey::of_directory(directory);
    match (name, key) {
        (META_FILE, Some(key)) => Found::Job(job_problems(files, &key).await),
        (DATA_FILE | COMPRESSED_DATA_FILE, Some(_)) => match files.has_meta(directory).await {
            Ok(true) => Found::Right,
            Ok(false) => Found::Wrong("there is no meta.json beside it".to_owned()),
            Err(error) => Found::Wrong(error.to_string()),
        },
        (VERSION_FILE | COMPRESSION_FILE, None) if directory.is_empty() => Found::Right,
        (CLUSTER_FILE, None) if !directory.is_empty() && !directory.contains('/') => Found::Right,
        _ => Found::Wrong("it belongs to nothing in an archive".to_owned()),
    }
}

async fn job_problems(files: &ArchiveFiles, key: &JobKey) -> Vec<String> {
    let mut problems = Vec::new();
    let meta = match files.read_meta(key).await {
        Ok(Some(bytes)) => meta_file::read(&bytes).map_err(|error| error.to_string()),
        Ok(None) => Err("it is gone".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    let archived = match meta {
        Ok(archived) => archived,
        Err(problem) => return vec![problem],
    };
    if archived.key() != *key {
        problems.push("it is of another job than its directory".to_owned());
    }
    let job = &archived.job;
    if usize::try_from(job.num_nodes).ok() != Some(job.details.resources.len()) {
        problems.push(format!(
            "numNodes is {}, and there are {} resources",
            job.num_nodes,
            job.details.resources.len()
        ));
    }
    if job.duration < 0 {
        problems.push("duration is negative".to_owned());
    }
    match files.read_data(key).await {
        Ok(Some(data)) => problems.extend(foreign_nodes(&archived, &data)),
        Ok(None) => problems.push("there is no data.json beside it".to_owned()),
        Err(error) => problems.push(error.to_string()),
    }
    problems
}

/// Nodes that were measured and are none of the job's.
fn foreign_nodes(
    archived: &ArchivedJob,
    data: &crate::domain::job_data::JobData,
) -> Option<String> {
    let resources = &archived.job.details.resources;
    let own: HashSet<&str> = resources
        .iter()
        .map(|resource| resource.hostname.as_str())
        .collect();
    let metrics = data.metrics.values().flat_map(|of| of.values());
    let mut series = metrics.flat_map(|metric| &metric.series);
    let foreign = series.find(|series| !own.contains(series.hostname.as_str()))?;
    Some(format!(
        "data.json has the node {}, which is none of the job's",
        foreign.hostname
    ))
}

async fn cluster_is_right(files: &ArchiveFiles, cluster: &str) -> Result<(), String> {
    let document = files
        .cluster(cluster)
        .await
        .map_err(|error| error.to_string())?;
    let document = document.ok_or_else(|| "it is not there".to_owned())?;
    let text = String::from_utf8_lossy(&document);
    let clusters = Clusters::from_documents(&[text]).map_err(|error| error.to_string())?;
    if clusters.names() == [cluster] {
        Ok(())
    } else {
        Err("it describes another cluster".to_owned())
    }
}
