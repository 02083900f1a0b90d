//! A finished run of a job of a job session, as a job of the archive.

use std::collections::BTreeMap;

use muster_contract::{
    job_archive::{JobDetails, JobState, NodeSharing, Resource, StartJob},
    session::{RunResult, SessionJobEnded},
};

/// The cluster of such jobs, and its only part.
pub(crate) const CLUSTER: &str = "freezer";

const SECOND: i64 = 1_000_000;

/// The job. Its number is the run's, so that it is the same job however often its end is told.
pub(crate) fn job_of(ended: &SessionJobEnded) -> StartJob {
    let (start, end) = (ended.started_at.unwrap_or(ended.ended_at), ended.ended_at);
    let state = match ended.result {
        RunResult::Success => JobState::Completed,
        RunResult::Fail => JobState::Failed,
        RunResult::Aborted => JobState::Cancelled,
    };
    let hostname = ended.hostname.as_ref().unwrap_or(&ended.client_id);
    let mut meta_data = BTreeMap::from([
        ("session_id".to_owned(), ended.session_id.clone()),
        ("session_tag".to_owned(), ended.tag.to_string()),
        ("job_id".to_owned(), ended.job_id.clone()),
        ("client_id".to_owned(), ended.client_id.clone()),
        ("result".to_owned(), ended.result.name().to_owned()),
    ]);
    if let Some(reason) = &ended.reason {
        meta_data.insert("reason".to_owned(), reason.clone());
    }
    // The archive has no jobs of nobody.
    let user = if ended.user.is_empty() {
        &ended.tenant
    } else {
        &ended.user
    };
    StartJob {
        job_id: ended.number,
        user: user.clone(),
        project: ended.tenant.clone(),
        cluster: CLUSTER.to_owned(),
        sub_cluster: None,
        partition: String::new(),
        array_job_id: 0,
        num_nodes: 1,
        num_hwthreads: 0,
        num_acc: 0,
        sharing: NodeSharing::MultiUser,
        monitoring_status: 0,
        smt: 0,
        state,
        duration: end.saturating_sub(start).max(0) / SECOND,
        walltime: 0,
        start_time: start.div_euclid(SECOND),
        details: JobDetails {
            resources: vec![Resource {
                hostname: hostname.clone(),
                ..Resource::default()
            }],
            ..JobDetails::default()
        },
        meta_data,
        tags: Vec::new(),
    }
}
