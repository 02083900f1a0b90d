//! Does what producers ask for, in the order of [`waves`].

use std::collections::HashMap;

use muster_contract::{
    Principal,
    job_archive::{
        JobStarted, JobStopped, RecordNodeStatesRefusal, StartJob, StartJobRefusal, StopJob,
        StopJobRefusal, StopTarget,
    },
};
use muster_platform::Timestamp;
use muster_storage::{LockKey, StorageError, Transaction};

use super::{
    early_stops::stop_the_awaited,
    reading::{Told, Wish},
};
use crate::{
    commands::{
        record_node_states::record_node_states,
        start_job::start_jobs,
        stop_job::{stop_jobs, stopped_event},
    },
    domain::{clusters::Clusters, waves::waves},
    store::{
        early_stops::{self, NewEarlyStop},
        job_times::{JobTimes, job_times},
    },
};

/// Stops that wait for their starts, at most: a producer that tells of stops alone must not fill the table.
pub(super) const EARLY_STOP_LIMIT: i64 = 100_000;

/// Bytes of a line that is kept to wait: a stop has five short members.
pub(super) const EARLY_STOP_BYTES: usize = 16 * 1024;

/// A fact to tell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Fact {
    Started(JobStarted),
    Stopped(JobStopped),
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(super) struct CarriedOut {
    /// Facts, each with the place of what it came of.
    pub(super) facts: Vec<(usize, Fact)>,
    /// What could not be done, by its place, and why.
    pub(super) refused: Vec<(usize, String)>,
}

/// Does it all.
pub(super) async fn carry_out(
    transaction: &mut Transaction,
    clusters: &Clusters,
    told: &[Told<'_>],
    now: Timestamp,
) -> Result<CarriedOut, StorageError> {
    let (places, numbers): (Vec<usize>, Vec<i64>) = told
        .iter()
        .enumerate()
        .filter_map(|(place, told)| Some((place, told.wish.job_id()?)))
        .unzip();
    let mut batch = Batch {
        told,
        result: CarriedOut::default(),
    };
    for wave in waves(&numbers) {
        let wave: Vec<usize> = wave
            .into_iter()
            .filter_map(|place| places.get(place).copied())
            .collect();
        batch.start(transaction, clusters, &wave).await?;
        batch.stop(transaction, &wave, now).await?;
    }
    batch.record_node_states(transaction, clusters).await?;
    Ok(batch.result)
}

struct Batch<'a> {
    told: &'a [Told<'a>],
    result: CarriedOut,
}

impl<'a> Batch<'a> {
    async fn start(
        &mut self,
        transaction: &mut Transaction,
        clusters: &Clusters,
        wave: &[usize],
    ) -> Result<(), StorageError> {
        let (places, starts): (Vec<usize>, Vec<(&Principal, &StartJob)>) = wave
            .iter()
            .filter_map(|place| {
                let told = self.told.get(*place)?;
                match &told.wish {
                    Wish::Start(start) => Some((*place, (told.caller, &**start))),
                    Wish::Stop(_) | Wish::NodeStates(_) => None,
                }
            })
            .unzip();
        if places.is_empty() {
            return Ok(());
        }
        let mut started: Vec<(usize, JobStarted)> = Vec::new();
        let mut there: Vec<(usize, i64)> = Vec::new();
        let results = start_jobs(transaction, clusters, &starts).await?;
        for (place, result) in places.into_iter().zip(results) {
            match result {
                Ok(event) => started.push((place, event)),
                Err(StartJobRefusal::AlreadyExists { id, .. }) => there.push((place, id)),
                Err(refusal) => self.refuse(place, start_refusal(&refusal)),
            }
        }
        let times = times_of(transaction, &there).await?;
        for (place, id) in there {
            // The same start once more says nothing new: adapters tell of it by HTTP and then here.
            let same = self.told.get(place).is_some_and(|told| match &told.wish {
                Wish::Start(start) => times
                    .get(&id)
                    .is_some_and(|times| times.start_time == start.start_time),
                Wish::Stop(_) | Wish::NodeStates(_) => false,
            });
            if !same {
                let reason = format!(
                    "the archive has a job of that number (its number there is {id}) that started less than a day before, or later"
                );
                self.refuse(place, reason);
            }
        }
        let jobs: Vec<&JobStarted> = started.iter().map(|(_, job)| job).collect();
        let stopped = stop_the_awaited(transaction, &jobs).await?;
        let places: Vec<usize> = started.iter().map(|(place, _)| *place).collect();
        for (place, event) in started {
            self.result.facts.push((place, Fact::Started(event)));
        }
        for (job, event) in stopped {
            if let Some(place) = places.get(job) {
                self.result.facts.push((*place, Fact::Stopped(event)));
            }
        }
        Ok(())
    }

    async fn stop(
        &mut self,
        transaction: &mut Transaction,
        wave: &[usize],
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let stops: Vec<(usize, &'a Told<'a>, &'a StopJob)> = wave
            .iter()
            .filter_map(|place| {
                let told = self.told.get(*place)?;
                match &told.wish {
                    Wish::Stop(stop) => Some((*place, told, stop)),
                    Wish::Start(_) | Wish::NodeStates(_) => None,
                }
            })
            .collect();
        let early = self.attempt(transaction, &stops).await?;
        if early.is_empty() {
            return Ok(());
        }
        // Another replica may be recording the start at this moment: with the lock it is there, or will look here.
        let locks: Vec<LockKey> = early
            .iter()
            .map(|(_, told, _)| {
                early_stops::lock_of(&told.caller.project, told.wish.job_id().unwrap_or_default())
            })
            .collect();
        transaction.lock_keys(&locks).await?;
        let early = self.attempt(transaction, &early).await?;
        self.keep(transaction, early, now).await
    }

    /// Stops what runs, and returns the stops whose start has not come.
    async fn attempt(
        &mut self,
        transaction: &mut Transaction,
        stops: &[(usize, &'a Told<'a>, &'a StopJob)],
    ) -> Result<Vec<(usize, &'a Told<'a>, &'a StopJob)>, StorageError> {
        if stops.is_empty() {
            return Ok(Vec::new());
        }
        let pairs: Vec<(&Principal, &StopJob)> = stops
            .iter()
            .map(|(_, told, stop)| (told.caller, *stop))
            .collect();
        let results = stop_jobs(transaction, &pairs).await?;
        let mut early = Vec::new();
        let mut ended: Vec<(usize, i64)> = Vec::new();
        for ((place, told, stop), result) in stops.iter().zip(results) {
            match result {
                Ok(job) => {
                    let event = stopped_event(&job, stop.stop_time);
                    self.result.facts.push((*place, Fact::Stopped(event)));
                }
                Err(StopJobRefusal::NotFound) => early.push((*place, *told, *stop)),
                Err(StopJobRefusal::NotRunning { id, .. }) => ended.push((*place, id)),
                Err(StopJobRefusal::StopsBeforeStart {
                    start_time,
                    stop_time,
                }) => {
                    let reason =
                        format!("stopTime {stop_time} is before the job's startTime {start_time}");
                    self.refuse(*place, reason);
                }
            }
        }
        let times = times_of(transaction, &ended).await?;
        let ended: HashMap<usize, i64> = ended.into_iter().collect();
        for (place, told, stop) in stops {
            let Some(id) = ended.get(place) else { continue };
            let Some(times) = times.get(id) else { continue };
            let end = times.start_time.saturating_add(times.duration);
            let names_start = matches!(
                stop.target,
                StopTarget::Newest {
                    start_time: Some(_),
                    ..
                }
            );
            if stop.stop_time == end {
                // The same stop once more.
            } else if stop.stop_time > end && !names_start {
                // Numbers are used again: this may be the stop of a job that is yet to start.
                early.push((*place, *told, *stop));
            } else {
                let reason = format!("job {id} has already been stopped, at {end}");
                self.refuse(*place, reason);
            }
        }
        Ok(early)
    }

    async fn keep(
        &mut self,
        transaction: &mut Transaction,
        early: Vec<(usize, &'a Told<'a>, &'a StopJob)>,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        if early.is_empty() {
            return Ok(());
        }
        let count = early_stops::count(transaction, EARLY_STOP_LIMIT).await?;
        let room = usize::try_from(EARLY_STOP_LIMIT - count).unwrap_or_default();
        let mut kept = Vec::new();
        for (place, told, stop) in early {
            let StopTarget::Newest {
                job_id,
                cluster,
                start_time,
            } = &stop.target
            else {
                continue;
            };
            if told.line.len() > EARLY_STOP_BYTES {
                let reason = format!(
                    "no such job yet, and a stop of more than {EARLY_STOP_BYTES} bytes is not kept"
                );
                self.refuse(place, reason);
            } else if kept.len() >= room {
                let reason = format!("no such job yet, and {EARLY_STOP_LIMIT} stops wait already");
                self.refuse(place, reason);
            } else {
                kept.push(NewEarlyStop {
                    tenant: &told.caller.project,
                    job_id: *job_id,
                    cluster: cluster.as_deref(),
                    start_time: *start_time,
                    stop_time: stop.stop_time,
                    state: stop.state,
                    subject: told.subject,
                    line: told.line,
                });
            }
        }
        early_stops::keep(transaction, &kept, now).await
    }

    /// In the order in which they came; what is known of a node is replaced by what is later.
    async fn record_node_states(
        &mut self,
        transaction: &mut Transaction,
        clusters: &Clusters,
    ) -> Result<(), StorageError> {
        for (place, told) in self.told.iter().enumerate() {
            let Wish::NodeStates(command) = &told.wish else {
                continue;
            };
            let recorded = record_node_states(transaction, clusters, told.caller, command).await?;
            if let Err(refusal) = recorded {
                let reason = match refusal {
                    RecordNodeStatesRefusal::UnknownCluster { cluster } => {
                        format!("no such cluster: {cluster}")
                    }
                    RecordNodeStatesRefusal::TooMany { limit } => {
                        format!("more than {limit} nodes in one message")
                    }
                };
                self.refuse(place, reason);
            }
        }
        Ok(())
    }

    fn refuse(&mut self, place: usize, reason: String) {
        self.result.refused.push((place, reason));
    }
}

async fn times_of(
    transaction: &mut Transaction,
    jobs: &[(usize, i64)],
) -> Result<HashMap<i64, JobTimes>, StorageError> {
    if jobs.is_empty() {
        return Ok(HashMap::new());
    }
    let mut ids: Vec<i64> = jobs.iter().map(|(_, id)| *id).collect();
    ids.sort_unstable();
    ids.dedup();
    let times = job_times(transaction, ids).await?;
    Ok(times.into_iter().map(|times| (times.id, times)).collect())
}

fn start_refusal(refusal: &StartJobRefusal) -> String {
    match refusal {
        StartJobRefusal::UnknownCluster { cluster } => format!("no such cluster: {cluster}"),
        StartJobRefusal::UnknownSubCluster {
            cluster,
            sub_cluster,
        } => format!("the cluster {cluster} has no subcluster {sub_cluster}"),
        StartJobRefusal::NoSubClusterForHost { cluster, hostname } => {
            format!("no subcluster found for cluster {cluster} and host {hostname}")
        }
        StartJobRefusal::NulCharacter { member } => {
            format!("there is a NUL character in {member:?}")
        }
        StartJobRefusal::AlreadyExists { id, job_id } => {
            format!("the archive has the job {job_id} (its number there is {id})")
        }
    }
}
