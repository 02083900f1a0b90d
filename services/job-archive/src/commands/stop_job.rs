//! Records that jobs have stopped.

use std::collections::HashMap;

use muster_contract::{
    Outcome, Principal,
    job_archive::{Job, JobStopped, StopJob, StopJobRefusal, StopTarget},
};
use muster_messaging::{Effects, HandleCommand, HandlerError, OutcomeOf, Request};
use muster_storage::{StorageError, Transaction};

use super::caller;
use crate::{
    archive::archiver::ArchiverBell,
    domain::{
        scope::Scope,
        stopping::{Finish, Found, Stop, plan},
        storable::is_storable,
    },
    store::{
        archive_work::{ArchiveAction, request_archive_work},
        find_stops::{Sought, find_stops},
        finish_jobs::finish_jobs,
        job_row::JobRow,
        job_tags::JobTags,
    },
};

/// Takes [`StopJob`].
pub(crate) struct StopJobHandler {
    bell: ArchiverBell,
}

impl StopJobHandler {
    pub(crate) fn new(bell: ArchiverBell) -> Self {
        Self { bell }
    }
}

impl HandleCommand<StopJob> for StopJobHandler {
    async fn handle(
        &self,
        transaction: &mut Transaction,
        requests: &[Request<StopJob>],
        effects: &mut Effects,
    ) -> Result<Vec<OutcomeOf<StopJob>>, HandlerError> {
        let stops = requests
            .iter()
            .map(|request| Ok((caller(&request.context)?, &request.body)))
            .collect::<Result<Vec<_>, HandlerError>>()?;
        let results = stop_jobs(transaction, &stops).await?;
        self.bell.ring();
        requests
            .iter()
            .zip(results)
            .map(|(request, result)| match result {
                Ok(job) => {
                    let event = stopped_event(&job, request.body.stop_time);
                    effects.emit(&request.context, &event)?;
                    Ok(Outcome::Done(job))
                }
                Err(refusal) => Ok(Outcome::Refused(refusal)),
            })
            .collect()
    }
}

/// What became of each stop, as if they came one by one in this order: the job as it is then, without its meta data, or
/// why it is refused.
pub(crate) async fn stop_jobs(
    transaction: &mut Transaction,
    stops: &[(&Principal, &StopJob)],
) -> Result<Vec<Result<Job, StopJobRefusal>>, StorageError> {
    let mut batch = Batch {
        stops,
        scopes: stops
            .iter()
            .map(|(caller, _)| Scope::of_writer(caller))
            .collect(),
        results: stops.iter().map(|_| None).collect(),
    };
    let mut pending: Vec<Stop> = stops.iter().enumerate().map(stop_of).collect();
    while !pending.is_empty() {
        pending = batch.round(transaction, pending).await?;
    }
    batch.jobs(transaction).await
}

struct Batch<'a> {
    stops: &'a [(&'a Principal, &'a StopJob)],
    scopes: Vec<Scope>,
    /// `None` until it is known.
    results: Vec<Option<Result<JobRow, StopJobRefusal>>>,
}

impl Batch<'_> {
    /// Looks, changes what can be changed at once, and returns what has to be looked at again.
    async fn round(
        &mut self,
        transaction: &mut Transaction,
        pending: Vec<Stop>,
    ) -> Result<Vec<Stop>, StorageError> {
        let sought = pending.iter().filter_map(|stop| self.sought(stop.place));
        let found = find_stops(transaction, sought).await?;
        let found: HashMap<usize, Found> = found.into_iter().collect();
        let plan = plan(
            pending
                .iter()
                .map(|stop| (*stop, found.get(&stop.place).copied())),
        );
        for (place, refusal) in plan.refused {
            self.set(place, Err(refusal));
        }
        let places: HashMap<i64, &Finish> = plan
            .finish
            .iter()
            .map(|finish| (finish.id, finish))
            .collect();
        for row in finish_jobs(transaction, &plan.finish).await? {
            if let Some(finish) = places.get(&row.id) {
                self.set(finish.place, Ok(row));
            }
        }
        // A job that was seen running and was not changed has been stopped by another replica. That can happen to each
        // job once, so this ends.
        let later = pending.into_iter();
        Ok(later.filter(|stop| self.is_open(stop.place)).collect())
    }

    /// A stop whose job can be in the table.
    fn sought(&self, place: usize) -> Option<Sought<'_>> {
        let (_, stop) = self.stops.get(place)?;
        let scope = self.scopes.get(place)?;
        let target = &stop.target;
        match target {
            StopTarget::Newest {
                cluster: Some(cluster),
                ..
            } if !is_storable(cluster) => None,
            _ => Some(Sought {
                place,
                target,
                scope,
            }),
        }
    }

    fn set(&mut self, place: usize, result: Result<JobRow, StopJobRefusal>) {
        if let Some(open) = self.results.get_mut(place) {
            *open = Some(result);
        }
    }

    fn is_open(&self, place: usize) -> bool {
        self.results.get(place).is_some_and(Option::is_none)
    }

    /// Adds the tags, and has the jobs archived.
    async fn jobs(
        self,
        transaction: &mut Transaction,
    ) -> Result<Vec<Result<Job, StopJobRefusal>>, StorageError> {
        let stopped = self.results.iter().flatten().flatten();
        let mut tagged: Vec<i64> = stopped.filter(|row| row.tagged).map(|row| row.id).collect();
        tagged.sort_unstable();
        tagged.dedup();
        let tags = JobTags::in_transaction(transaction, &tagged).await?;
        let to_archive = self.results.iter().flatten().flatten();
        // 0 = the job is not to be archived (`api/clustercockpit.md` §1.3).
        let to_archive = to_archive.filter(|row| row.monitoring_status != 0);
        let work: Vec<_> = to_archive
            .map(|row| (row.key(), ArchiveAction::Archive))
            .collect();
        request_archive_work(transaction, work).await?;
        self.stops
            .iter()
            .zip(self.results)
            .filter_map(|((caller, _), result)| Some((caller, result?)))
            .map(|(caller, result)| {
                result
                    .map(|row| {
                        let seen = tags.seen(row.id, caller);
                        row.into_job(seen)
                    })
                    .map_or_else(|refusal| Ok(Err(refusal)), |job| job.map(Ok))
            })
            .collect()
    }
}

fn stop_of((place, (_, stop)): (usize, &(&Principal, &StopJob))) -> Stop {
    Stop {
        place,
        time: stop.stop_time,
        state: stop.state,
    }
}

/// What is told of a job that was stopped.
pub(crate) fn stopped_event(job: &Job, stop_time: i64) -> JobStopped {
    JobStopped {
        id: job.id,
        tenant: job.tenant.clone(),
        job_id: job.job_id,
        cluster: job.cluster.clone(),
        start_time: job.start_time,
        stop_time,
        duration: job.duration,
        state: job.state,
    }
}

#[cfg(test)]
mod tests;
