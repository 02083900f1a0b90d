//! Records jobs that have started.

use std::sync::Arc;

use muster_contract::{
    Outcome, Principal,
    job_archive::{JobStarted, StartJob, StartJobRefusal, StartedJob},
};
use muster_messaging::{Effects, HandleCommand, HandlerError, OutcomeOf, Request};
use muster_storage::{StorageError, Transaction};

use super::{
    caller,
    recording::{Recording, record},
};
use crate::{
    domain::{clusters::Clusters, storable::unstorable_member},
    productions::early_stops::stop_the_awaited,
    store::{attach_tags::attach_tags, record_jobs::NewJob},
};

/// Takes [`StartJob`].
pub(crate) struct StartJobHandler {
    clusters: Arc<Clusters>,
}

impl StartJobHandler {
    pub(crate) fn new(clusters: Arc<Clusters>) -> Self {
        Self { clusters }
    }
}

impl HandleCommand<StartJob> for StartJobHandler {
    async fn handle(
        &self,
        transaction: &mut Transaction,
        requests: &[Request<StartJob>],
        effects: &mut Effects,
    ) -> Result<Vec<OutcomeOf<StartJob>>, HandlerError> {
        let starts = requests
            .iter()
            .map(|request| Ok((caller(&request.context)?, &request.body)))
            .collect::<Result<Vec<_>, HandlerError>>()?;
        let results = start_jobs(transaction, &self.clusters, &starts).await?;
        let (contexts, started): (Vec<_>, Vec<_>) = requests
            .iter()
            .zip(&results)
            .filter_map(|(request, result)| Some((&request.context, result.as_ref().ok()?)))
            .unzip();
        let stopped = stop_the_awaited(transaction, &started).await?;
        let outcomes = requests
            .iter()
            .zip(&results)
            .map(|(request, result)| match result {
                Ok(event) => {
                    effects.emit(&request.context, event)?;
                    Ok(Outcome::Done(StartedJob { id: event.id }))
                }
                Err(refusal) => Ok(Outcome::Refused(refusal.clone())),
            })
            .collect();
        for (place, event) in &stopped {
            if let Some(context) = contexts.get(*place) {
                effects.emit(context, event)?;
            }
        }
        outcomes
    }
}

/// What became of each start: the event to tell, or why it is refused.
pub(crate) async fn start_jobs(
    transaction: &mut Transaction,
    clusters: &Clusters,
    starts: &[(&Principal, &StartJob)],
) -> Result<Vec<Result<JobStarted, StartJobRefusal>>, StorageError> {
    let placed: Vec<Result<NewJob<'_>, StartJobRefusal>> = starts
        .iter()
        .map(|(caller, start)| place(clusters, caller, start))
        .collect();
    let jobs: Vec<NewJob<'_>> = placed.iter().flatten().copied().collect();
    let mut recordings = record(transaction, &jobs).await?.into_iter();
    let results: Vec<Result<JobStarted, StartJobRefusal>> = placed
        .into_iter()
        .filter_map(|placed| match placed {
            Ok(job) => recordings.next().map(|recording| result(&job, recording)),
            Err(refusal) => Some(Err(refusal)),
        })
        .collect();
    let mut tags = Vec::new();
    for ((_, start), result) in starts.iter().zip(&results) {
        if let Ok(event) = result {
            tags.extend(start.tags.iter().map(|tag| (event.id, tag)));
        }
    }
    attach_tags(transaction, tags).await?;
    Ok(results)
}

fn place<'a>(
    clusters: &'a Clusters,
    caller: &'a Principal,
    start: &'a StartJob,
) -> Result<NewJob<'a>, StartJobRefusal> {
    let first_host = start
        .details
        .resources
        .first()
        .map_or("", |resource| resource.hostname.as_str());
    let sub_cluster = clusters.place(&start.cluster, start.sub_cluster.as_deref(), first_host)?;
    match unstorable_member(start) {
        Some(member) => Err(StartJobRefusal::NulCharacter {
            member: member.to_owned(),
        }),
        None => Ok(NewJob {
            tenant: &caller.project,
            sub_cluster,
            start,
        }),
    }
}

fn result(job: &NewJob<'_>, recording: Recording) -> Result<JobStarted, StartJobRefusal> {
    let start = job.start;
    match recording {
        Recording::InTheWay(id) => Err(StartJobRefusal::AlreadyExists {
            id,
            job_id: start.job_id,
        }),
        Recording::New(id) => Ok(JobStarted {
            id,
            tenant: job.tenant.to_owned(),
            job_id: start.job_id,
            cluster: start.cluster.clone(),
            sub_cluster: job.sub_cluster.to_owned(),
            user: start.user.clone(),
            project: start.project.clone(),
            start_time: start.start_time,
            num_nodes: start.num_nodes,
            state: start.state,
        }),
    }
}

#[cfg(test)]
mod tests;
