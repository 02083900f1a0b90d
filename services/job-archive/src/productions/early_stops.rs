//! Stops that came before their start: producers publish without order.

use std::{collections::HashSet, sync::Arc, time::Duration};

use muster_contract::{
    Principal, Role,
    job_archive::{JobStarted, JobStopped, StopJob, StopTarget},
    producers::JOB_EVENT_STREAM,
};
use muster_messaging::{Context, Effects, HandlerError, Periodic};
use muster_platform::Clock;
use muster_storage::{
    LockKey, StorageError, Transaction,
    dead_letters::{self, NewDeadLetter},
};

use crate::{
    commands::stop_job::{stop_jobs, stopped_event},
    store::early_stops::{EarlyStop, forget, lock_of, take_expired, waiting_for},
};

/// Stops that become dead letters in one transaction.
const EXPIRED_AT_ONCE: i64 = 100;

/// Stops those of the jobs, which have just been recorded, whose stop came before. Returns what to tell, each with the place
/// of its job.
pub(crate) async fn stop_the_awaited(
    transaction: &mut Transaction,
    started: &[&JobStarted],
) -> Result<Vec<(usize, JobStopped)>, StorageError> {
    if started.is_empty() {
        return Ok(Vec::new());
    }
    let locks: Vec<LockKey> = started
        .iter()
        .map(|job| lock_of(&job.tenant, job.job_id))
        .collect();
    transaction.lock_keys(&locks).await?;
    let waiting = waiting_for(transaction, started).await?;
    if waiting.is_empty() {
        return Ok(Vec::new());
    }
    // The first that came counts; one that says the same has nothing left to say, one that does not stays.
    let mut seen = HashSet::new();
    let (firsts, others): (Vec<EarlyStop>, Vec<EarlyStop>) = waiting
        .into_iter()
        .partition(|stop| seen.insert(stop.place));
    let commands: Vec<(Principal, StopJob)> = firsts
        .iter()
        .filter_map(|stop| {
            let job = started.get(stop.place)?;
            let command = StopJob {
                target: StopTarget::Id(job.id),
                stop_time: stop.stop_time,
                state: stop.state,
            };
            Some((on_behalf_of(&job.tenant), command))
        })
        .collect();
    let pairs: Vec<(&Principal, &StopJob)> = commands
        .iter()
        .map(|(caller, command)| (caller, command))
        .collect();
    let results = stop_jobs(transaction, &pairs).await?;
    let mut done = Vec::new();
    let mut events = Vec::new();
    for (stop, result) in firsts.iter().zip(results) {
        if let Ok(job) = result {
            events.push((stop.place, stopped_event(&job, stop.stop_time)));
            done.push(stop.id);
            let same =
                |other: &&EarlyStop| other.place == stop.place && other.stop_time == stop.stop_time;
            done.extend(others.iter().filter(same).map(|other| other.id));
        }
    }
    forget(transaction, done).await?;
    Ok(events)
}

/// The stop was let in when it came, so nothing but its tenant counts.
fn on_behalf_of(tenant: &str) -> Principal {
    Principal {
        name: String::new(),
        domain: String::new(),
        project: tenant.to_owned(),
        roles: vec![Role::Api],
    }
}

/// Makes dead letters of those whose start does not come.
pub(crate) struct ExpireEarlyStops {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) age: Duration,
}

impl Periodic for ExpireEarlyStops {
    async fn run(
        &self,
        transaction: &mut Transaction,
        _: &Context,
        _: &mut Effects,
    ) -> Result<bool, HandlerError> {
        Ok(self.expire(transaction).await?)
    }
}

impl ExpireEarlyStops {
    /// Tells whether there may be more.
    pub(crate) async fn expire(&self, transaction: &mut Transaction) -> Result<bool, StorageError> {
        let now = self.clock.now();
        let before = now.minus(self.age);
        let expired = take_expired(transaction, before, EXPIRED_AT_ONCE).await?;
        let more = i64::try_from(expired.len()) == Ok(EXPIRED_AT_ONCE);
        for stop in expired {
            let letter = NewDeadLetter {
                stream: JOB_EVENT_STREAM.to_owned(),
                // It left the stream when it was kept.
                stream_sequence: 0,
                subject: stop.subject,
                headers: "[]".to_owned(),
                payload: stop.line.into_bytes(),
                error: format!(
                    "a stop whose start did not come within {}",
                    humantime::format_duration(self.age)
                ),
                deliveries: 1,
                filed_at: now.as_micros(),
            };
            dead_letters::file(transaction, letter).await?;
        }
        Ok(more)
    }
}
