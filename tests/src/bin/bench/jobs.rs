//! Jobs to post: about 480 bytes each, with 26 members, as a Slurm adapter sends them.

use std::sync::atomic::{AtomicI64, Ordering};

/// The cluster that the benchmark's site has.
pub(crate) const CLUSTER: &str = "bench";

/// Its description.
pub(crate) const CLUSTER_DESCRIPTION: &str =
    r#"{"name":"bench","metricConfig":[],"subClusters":[{"name":"main","nodes":"b[0001-1000]"}]}"#;

/// Counts the jobs, so that each is new.
static NEXT: AtomicI64 = AtomicI64::new(1);

/// The body of the next start.
pub(crate) fn next_start() -> String {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    start(number, 1_700_000_000 + number)
}

/// The body of a start.
pub(crate) fn start(number: i64, start_time: i64) -> String {
    let (user, node) = (number % 500, number % 1_000 + 1);
    format!(
        r#"{{"jobId":{number},"user":"user{user:03}","project":"project{:02}","cluster":"{CLUSTER}","subCluster":"main","partition":"standard","arrayJobId":0,"numNodes":1,"numHwthreads":72,"numAcc":0,"exclusive":1,"monitoringStatus":1,"smt":1,"jobState":"running","duration":0,"walltime":86400,"startTime":{start_time},"resources":[{{"hostname":"b{node:04}","hwthreads":[0,1,2,3]}}],"metaData":{{"jobName":"relaxation-{number}","slurmInfo":"JobId={number} Partition=standard"}}}}"#,
        number % 50,
    )
}
