//! The job that a session is tied to, as a client writes it: `cluster:jobId`.

use muster_contract::session::JobReference;

use super::limits::{NAME_LIMIT, is_name};
use crate::frame::Failure;

/// Reads `fritz:4711`. A cluster's name may have colons itself.
pub(super) fn parse(text: &str) -> Result<JobReference, Failure> {
    text.rsplit_once(':')
        .filter(|(cluster, _)| is_name(cluster, NAME_LIMIT))
        .and_then(|(cluster, number)| {
            Some(JobReference {
                cluster: cluster.to_owned(),
                job_id: number.parse().ok().filter(|number| *number >= 0)?,
            })
        })
        .ok_or_else(|| Failure::invalid("job has to be cluster:jobId, such as fritz:4711"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_cluster_and_a_number() {
        for (text, cluster, job_id) in [("fritz:4711", "fritz", 4711), ("a:b:0", "a:b", 0)] {
            let job = parse(text).unwrap();
            assert_eq!((job.cluster.as_str(), job.job_id), (cluster, job_id));
        }
        for text in [
            "",
            "fritz",
            ":1",
            "fritz:",
            "fritz:x",
            "fritz:-1",
            "a\0:1",
            "fritz:1.0",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
