//! Where the files of a job are in an archive (`api/clustercockpit.md` §2.1), the same in all versions of the format.

/// Says which version of the format the archive has.
pub(crate) const VERSION_FILE: &str = "version.txt";
/// Describes a cluster; in the cluster's directory.
pub(crate) const CLUSTER_FILE: &str = "cluster.json";
/// Describes a job. Written last: a job is in the archive if it has one.
pub(crate) const META_FILE: &str = "meta.json";
/// What was measured.
pub(crate) const DATA_FILE: &str = "data.json";
/// The same, compressed; preferred where both are there.
pub(crate) const COMPRESSED_DATA_FILE: &str = "data.json.gz";

/// Job numbers are cut here, so that no directory gets too many entries.
const NUMBERS_PER_DIRECTORY: i64 = 1_000;

/// A job by its own key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobKey {
    /// Cluster it ran on.
    pub cluster: String,
    /// Its number on the cluster.
    pub job_id: i64,
    /// When it started: seconds since 1970 UTC.
    pub start_time: i64,
}

impl JobKey {
    /// The job's directory, without the archive's own.
    #[must_use]
    pub fn directory(&self) -> String {
        let upper = self.job_id / NUMBERS_PER_DIRECTORY;
        let lower = self.job_id % NUMBERS_PER_DIRECTORY;
        format!("{}/{upper}/{lower:03}/{}", self.cluster, self.start_time)
    }

    /// The job whose directory this is.
    pub(crate) fn of_directory(directory: &str) -> Option<Self> {
        let mut parts = directory.split('/');
        let (cluster, upper, lower, start) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let upper: i64 = upper.parse().ok()?;
        let key = Self {
            cluster: cluster.to_owned(),
            job_id: upper
                .checked_mul(NUMBERS_PER_DIRECTORY)?
                .checked_add(lower.parse().ok()?)?,
            start_time: start.parse().ok()?,
        };
        // One directory for each job: `007` and `7` must not be two.
        (key.directory() == directory).then_some(key)
    }

    /// Whether the cluster's name can be that of a directory in every store.
    pub(crate) fn is_placeable(&self) -> bool {
        is_directory_name(&self.cluster) && self.job_id >= 0 && self.start_time >= 0
    }
}

/// Whether it can be the name of a directory in every store, and of nothing outside the archive.
pub(crate) fn is_directory_name(name: &str) -> bool {
    const LIMIT: usize = 200;
    let sane = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=LIMIT).contains(&name.len()) && !name.starts_with('.') && name.chars().all(sane)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn as_the_genuine_archives_have_it() {
        let key = JobKey {
            cluster: "emmy".to_owned(),
            job_id: 1_403_007,
            start_time: 1_608_923_076,
        };
        assert_eq!(key.directory(), "emmy/1403/007/1608923076");
        for other in [
            "emmy/1403/7/1608923076",
            "emmy/1403/1007/1",
            "emmy/1403/007",
            "emmy/1403/007/1/2",
            "emmy/x/007/1",
            "",
        ] {
            assert_eq!(JobKey::of_directory(other), None, "{other}");
        }
    }

    #[test]
    fn nothing_leads_out_of_the_archive() {
        for name in ["", ".", "..", "a/b", "a\\b", ".git", "a b", "a#1", "ä"] {
            assert!(!is_directory_name(name), "{name}");
        }
        assert!(is_directory_name("woody-2.a_b"));
    }

    proptest! {
        #[test]
        fn a_directory_is_of_one_job(job_id in 0..i64::MAX, start_time in 0..i64::MAX) {
            let key = JobKey { cluster: "alpha".to_owned(), job_id, start_time };
            prop_assert_eq!(JobKey::of_directory(&key.directory()), Some(key));
        }
    }
}
