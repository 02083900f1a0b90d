//! Lists the nodes that jobs run on.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use muster_contract::{
    Outcome, Principal,
    job_archive::{JobState, ListJobs, ListJobsRefusal, ListUsedNodes, UsedNodes},
};
use muster_messaging::{AnswerQuery, Asked, HandlerError};
use muster_platform::{Clock, Timestamp};
use muster_storage::{Database, StorageError};

use super::{asker, list_jobs::list_jobs};

/// Answers [`ListUsedNodes`].
pub(crate) struct ListUsedNodesHandler {
    database: Database,
    clock: Arc<dyn Clock>,
}

impl ListUsedNodesHandler {
    pub(crate) fn new(database: Database, clock: Arc<dyn Clock>) -> Self {
        Self { database, clock }
    }
}

impl AnswerQuery<ListUsedNodes> for ListUsedNodesHandler {
    async fn answer(
        &self,
        asked: Asked<ListUsedNodes>,
    ) -> Result<Outcome<UsedNodes, ListJobsRefusal>, HandlerError> {
        let caller = asker(asked.principal)?;
        let (now, before) = (self.clock.now(), asked.body.before);
        let used = list_used_nodes(&self.database, now, &caller, before).await?;
        Ok(used.map_or_else(Outcome::Refused, Outcome::Done))
    }
}

/// The nodes of the jobs that run, have started before and are the caller's to see.
pub(crate) async fn list_used_nodes(
    database: &Database,
    now: Timestamp,
    caller: &Principal,
    before: i64,
) -> Result<Result<UsedNodes, ListJobsRefusal>, StorageError> {
    let Some(last) = before.checked_sub(1) else {
        return Ok(Ok(UsedNodes {
            by_cluster: BTreeMap::new(),
        }));
    };
    let running = ListJobs {
        states: vec![JobState::Running],
        cluster: None,
        project: None,
        start_from: None,
        start_to: Some(last),
        page_size: None,
        page: 1,
        with_meta_data: false,
    };
    let jobs = match list_jobs(database, now, caller, running).await? {
        Ok(jobs) => jobs,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let mut nodes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for job in jobs {
        let names = job.details.resources.into_iter();
        nodes
            .entry(job.cluster)
            .or_default()
            .extend(names.map(|resource| resource.hostname));
    }
    let by_cluster = nodes
        .into_iter()
        .map(|(cluster, names)| (cluster, names.into_iter().collect()))
        .collect();
    Ok(Ok(UsedNodes { by_cluster }))
}

#[cfg(test)]
mod tests;
