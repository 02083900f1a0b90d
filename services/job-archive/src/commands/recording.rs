//! Recording a batch of starts, each number once.

use std::collections::HashMap;

use muster_storage::{LockKey, StorageError, Transaction};

use crate::{
    domain::duplicates::{Latest, Number, Recorded, Start, Verdict, firsts_and_rest, judge},
    store::{
        latest_starts::latest_starts,
        record_jobs::{NewJob, record_jobs},
    },
};

/// What became of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recording {
    /// It is in the table under this number.
    New(i64),
    /// The job with this number in the table is in its way.
    InTheWay(i64),
}

/// Records the jobs as if they came one by one in this order. Costs one statement for each different number on SQLite and
/// one for all of them on PostgreSQL; more only for numbers that are there already or come twice.
pub(crate) async fn record(
    transaction: &mut Transaction,
    jobs: &[NewJob<'_>],
) -> Result<Vec<Recording>, StorageError> {
    let starts: Vec<Start<'_>> = jobs.iter().map(start_of).collect();
    // The unique key sees two equal starts at once, but not two that are an hour apart.
    let locks: Vec<LockKey> = starts.iter().map(lock_of).collect();
    transaction.lock_keys(&locks).await?;

    let mut batch = Batch {
        jobs,
        starts: &starts,
        results: vec![None; jobs.len()],
    };
    let (firsts, rest) = firsts_and_rest(&starts);
    batch.insert(transaction, &firsts).await?;
    let mut latest = batch.latest(transaction, &firsts).await?;
    for place in &firsts {
        batch.refuse_by_latest(*place, &latest);
    }
    let verdicts = judge(&starts, &rest, &mut latest);
    let new = verdicts
        .iter()
        .filter(|(_, verdict)| *verdict == Verdict::New);
    let new: Vec<usize> = new.map(|(place, _)| *place).collect();
    batch.insert(transaction, &new).await?;
    for (place, verdict) in verdicts {
        if let Verdict::InTheWay(job) = verdict {
            batch.refuse(place, job);
        }
    }
    batch.results()
}

struct Batch<'a> {
    jobs: &'a [NewJob<'a>],
    starts: &'a [Start<'a>],
    /// `None` until it is known.
    results: Vec<Option<Recording>>,
}

impl<'a> Batch<'a> {
    async fn insert(
        &mut self,
        transaction: &mut Transaction,
        places: &[usize],
    ) -> Result<(), StorageError> {
        let by_start: HashMap<(Number<'_>, i64), usize> = places
            .iter()
            .filter_map(|place| self.starts.get(*place).map(|start| (start, *place)))
            .map(|(start, place)| ((start.number, start.start_time), place))
            .collect();
        let jobs = places
            .iter()
            .filter_map(|place| self.jobs.get(*place).copied());
        for recorded in record_jobs(transaction, jobs).await? {
            let number = Number {
                cluster: &recorded.cluster,
                job_id: recorded.job_id,
            };
            if let Some(place) = by_start.get(&(number, recorded.start_time)) {
                self.set(*place, Recording::New(recorded.id));
            }
        }
        Ok(())
    }

    /// The latest starts of the numbers of these places, each the first of its number: what was just recorded is the
    /// latest itself, the others have to be asked for.
    async fn latest(
        &self,
        transaction: &mut Transaction,
        firsts: &[usize],
    ) -> Result<HashMap<Number<'a>, Latest>, StorageError> {
        let mut latest = HashMap::with_capacity(firsts.len());
        let mut refused = HashMap::new();
        for place in firsts {
            let Some(start) = self.starts.get(*place) else {
                continue;
            };
            match self.id(*place) {
                Some(id) => {
                    let (start_time, job) = (start.start_time, Recorded::Id(id));
                    latest.insert(start.number, Latest { start_time, job });
                }
                None => {
                    refused.insert(start.number, start.number);
                }
            }
        }
        for row in latest_starts(transaction, refused.values().copied()).await? {
            let number = Number {
                cluster: &row.cluster,
                job_id: row.job_id,
            };
            if let (Some(number), Some(start_time), Some(id)) =
                (refused.get(&number), row.start_time, row.id)
            {
                let job = Recorded::Id(id);
                latest.insert(*number, Latest { start_time, job });
            }
        }
        Ok(latest)
    }

    /// The job that kept this one out of the table is the latest of its number.
    fn refuse_by_latest(&mut self, place: usize, latest: &HashMap<Number<'_>, Latest>) {
        let number = self.starts.get(place).map(|start| start.number);
        if let Some(other) = number.and_then(|number| latest.get(&number))
            && self.id(place).is_none()
        {
            self.refuse(place, other.job);
        }
    }

    fn refuse(&mut self, place: usize, by: Recorded) {
        let id = match by {
            Recorded::Id(id) => Some(id),
            Recorded::Place(other) => self.id(other),
        };
        if let Some(id) = id {
            self.set(place, Recording::InTheWay(id));
        }
    }

    fn set(&mut self, place: usize, recording: Recording) {
        if let Some(result) = self.results.get_mut(place) {
            *result = Some(recording);
        }
    }

    /// The number in the table of a job that was recorded.
    fn id(&self, place: usize) -> Option<i64> {
        match self.results.get(place)? {
            Some(Recording::New(id)) => Some(*id),
            _ => None,
        }
    }

    /// Every place has a result, unless somebody else changed the table meanwhile: the job in the way is gone, or one
    /// that nothing was in the way of was not recorded. Run again, the batch sees that.
    fn results(self) -> Result<Vec<Recording>, StorageError> {
        let results: Option<Vec<Recording>> = self.results.into_iter().collect();
        results
            .ok_or_else(|| StorageError::Conflict("a job's number changed hands meanwhile".into()))
    }
}

fn start_of<'a>(job: &NewJob<'a>) -> Start<'a> {
    Start {
        number: Number {
            cluster: &job.start.cluster,
            job_id: job.start.job_id,
        },
        start_time: job.start.start_time,
    }
}

fn lock_of(start: &Start<'_>) -> LockKey {
    let number = start.number.job_id.to_string();
    LockKey::of(&["job", start.number.cluster, &number])
}
