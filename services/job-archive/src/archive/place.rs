//! Where an archive is: a directory, or a part of an S3 bucket.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use object_store::{
    ObjectStore, RetryConfig,
    aws::{AmazonS3Builder, AmazonS3ConfigKey},
    local::LocalFileSystem,
    path::Path,
};
use url::Url;

use super::{files::ArchiveError, s3_client::S3Connector};

/// What of an address may say how the bucket is reached; the rest is for the variables that every S3 client reads.
const OPTIONS: [&str; 3] = ["endpoint", "region", "virtual_hosted_style_request"];

/// How long an operation is tried again within one attempt of the archiver, who comes back himself.
const RETRY_LIMIT: Duration = Duration::from_secs(10);
const RETRIES: usize = 2;

/// The place of an archive.
#[derive(Clone, PartialEq, Eq)]
pub enum ArchivePlace {
    /// A directory; made if missing.
    Directory(PathBuf),
    /// `s3://[KEY:SECRET@]BUCKET[/PREFIX][?endpoint=URL&region=NAME]`. Without key and secret, the variables `AWS_ACCESS_KEY_ID`
    /// and so on, or what the machine is given.
    S3(Url),
}

impl ArchivePlace {
    /// From what an operator wrote: a path, `file:///path`, or `s3://...`.
    ///
    /// # Errors
    /// It is neither.
    pub fn parse(text: &str) -> Result<Self, ArchiveError> {
        let unknown = |reason: &str| ArchiveError::Place {
            reason: reason.to_owned(),
        };
        if !text.contains("://") {
            return Ok(Self::Directory(PathBuf::from(text)));
        }
        let url = Url::parse(text).map_err(|error| unknown(&error.to_string()))?;
        match url.scheme() {
            "file" => url
                .to_file_path()
                .map(Self::Directory)
                .map_err(|()| unknown("a path on this machine: file:///path")),
            "s3" if url.host_str().is_some_and(|bucket| !bucket.is_empty()) => Ok(Self::S3(url)),
            "s3" => Err(unknown("it names no bucket: s3://BUCKET/PREFIX")),
            _ => Err(unknown("a directory, file:///path or s3://BUCKET/PREFIX")),
        }
    }

    /// Its store, and the path within it.
    pub(super) fn open(&self) -> Result<(Arc<dyn ObjectStore>, Path), ArchiveError> {
        match self {
            Self::Directory(directory) => {
                std::fs::create_dir_all(directory).map_err(|error| ArchiveError::Place {
                    reason: format!("{}: {error}", directory.display()),
                })?;
                let store = LocalFileSystem::new_with_prefix(directory)
                    .map_err(ArchiveError::from_store("opening it"))?
                    .with_fsync(true)
                    .with_automatic_cleanup(true);
                Ok((Arc::new(store), Path::default()))
            }
            Self::S3(url) => open_s3(url),
        }
    }
}

fn open_s3(url: &Url) -> Result<(Arc<dyn ObjectStore>, Path), ArchiveError> {
    let failed = ArchiveError::from_store("opening it");
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(url.host_str().unwrap_or_default())
        .with_http_connector(S3Connector)
        .with_retry(RetryConfig {
            max_retries: RETRIES,
            retry_timeout: RETRY_LIMIT,
            ..RetryConfig::default()
        });
    if let Some(secret) = url.password() {
        builder = builder
            .with_access_key_id(url.username())
            .with_secret_access_key(secret);
    }
    for (name, value) in url.query_pairs() {
        if !OPTIONS.contains(&name.as_ref()) {
            return Err(ArchiveError::Place {
                reason: format!("{name} is none of {}", OPTIONS.join(", ")),
            });
        }
        if name == "endpoint" && value.starts_with("http://") {
            builder = builder.with_allow_http(true);
        }
        let key: AmazonS3ConfigKey = name.parse().map_err(&failed)?;
        builder = builder.with_config(key, value);
    }
    let store = builder.build().map_err(&failed)?;
    let prefix = Path::from_url_path(url.path()).map_err(|error| ArchiveError::Place {
        reason: error.to_string(),
    })?;
    Ok((Arc::new(store), prefix))
}

impl fmt::Display for ArchivePlace {
    /// Without the key and its secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(directory) => directory.display().fmt(formatter),
            Self::S3(url) => {
                let bucket = url.host_str().unwrap_or_default();
                write!(formatter, "s3://{bucket}{}", url.path())
            }
        }
    }
}

impl fmt::Debug for ArchivePlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_operator_may_write() {
        let directory = |path: &str| ArchivePlace::Directory(PathBuf::from(path));
        assert_eq!(ArchivePlace::parse("/a/b").unwrap(), directory("/a/b"));
        assert_eq!(
            ArchivePlace::parse("file:///a/b").unwrap(),
            directory("/a/b")
        );
        let place = ArchivePlace::parse("s3://key:secret@bucket/jobs?region=x").unwrap();
        assert_eq!(place.to_string(), "s3://bucket/jobs");
        assert_eq!(format!("{place:?}"), "s3://bucket/jobs");
        for wrong in ["ftp://a/b", "s3:///a", "http://bucket", "file://host/a"] {
            assert!(ArchivePlace::parse(wrong).is_err(), "{wrong}");
        }
        let odd = ArchivePlace::parse("s3://bucket?acl=public").unwrap();
        assert!(odd.open().is_err());
    }
}
