//! Which running jobs a batch of stops ends, and which stops are refused.
//!
//! ClusterCockpit's rules (`api/clustercockpit.md` §1.3), in its order: the job must be there, must not stop before it
//! started (equal is allowed, as in later releases: short jobs), and must be running. Its duration is the stop less the
//! start. A second stop is refused, so that a client that repeats a stop changes nothing.

use std::collections::HashSet;

use muster_contract::job_archive::{JobState, StopJobRefusal};

/// A stop that has to be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stop {
    /// Its place in the batch.
    pub(crate) place: usize,
    /// When the job is said to have stopped.
    pub(crate) time: i64,
    /// Its final state.
    pub(crate) state: JobState,
}

/// The job that a stop is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its number in the table.
    pub(crate) id: i64,
    /// Its number on the cluster.
    pub(crate) job_id: i64,
    /// When it started.
    pub(crate) start_time: i64,
    /// The state it is in.
    pub(crate) state: JobState,
}

/// A change to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Finish {
    /// The place of its stop in the batch.
    pub(crate) place: usize,
    /// The job's number in the table.
    pub(crate) id: i64,
    /// Its final state.
    pub(crate) state: JobState,
    /// Seconds from start to stop.
    pub(crate) duration: i64,
}

/// What to do about a batch.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Stops that are refused.
    pub(crate) refused: Vec<(usize, StopJobRefusal)>,
    /// Changes to make, each to another job.
    pub(crate) finish: Vec<Finish>,
    /// Stops that must be looked at again once the changes are made, because they may be about the same jobs.
    pub(crate) later: Vec<Stop>,
}

/// Judges stops in their order, each with the job it is about.
pub(crate) fn plan(stops: impl IntoIterator<Item = (Stop, Option<Found>)>) -> Plan {
    let mut plan = Plan::default();
    // By the number on the cluster, not by the row: a stop that names a number can come to another row after a change.
    let mut changing = HashSet::new();
    for (stop, found) in stops {
        let Some(found) = found else {
            plan.refused.push((stop.place, StopJobRefusal::NotFound));
            continue;
        };
        if changing.contains(&found.job_id) {
            plan.later.push(stop);
            continue;
        }
        match judge(&stop, &found) {
            Ok(finish) => {
                changing.insert(found.job_id);
                plan.finish.push(finish);
            }
            Err(refusal) => plan.refused.push((stop.place, refusal)),
        }
    }
    plan
}

fn judge(stop: &Stop, found: &Found) -> Result<Finish, StopJobRefusal> {
    if stop.time < found.start_time {
        return Err(StopJobRefusal::StopsBeforeStart {
            start_time: found.start_time,
            stop_time: stop.time,
        });
    }
    if found.state != JobState::Running {
        return Err(StopJobRefusal::NotRunning {
            id: found.id,
            job_id: found.job_id,
            state: found.state,
        });
    }
    Ok(Finish {
        place: stop.place,
        id: found.id,
        state: stop.state,
        duration: stop.time.saturating_sub(found.start_time),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stop(place: usize, time: i64) -> Stop {
        let state = JobState::Completed;
        Stop { place, time, state }
    }

    fn found(id: i64, state: JobState) -> Found {
        Found {
            id,
            job_id: id * 10,
            start_time: 100,
            state,
        }
    }

    #[test]
    fn a_running_job_is_stopped_with_its_duration() {
        let plan = plan([
            (stop(0, 160), Some(found(1, JobState::Running))),
            (stop(1, 100), Some(found(2, JobState::Running))),
        ]);
        let durations: Vec<(i64, i64)> = plan
            .finish
            .iter()
            .map(|finish| (finish.id, finish.duration))
            .collect();
        assert_eq!(durations, [(1, 60), (2, 0)]);
        assert!(plan.refused.is_empty() && plan.later.is_empty());
    }

    #[test]
    fn refusals_name_the_first_rule_that_is_broken() {
        let plan = plan([
            (stop(0, 160), None),
            (stop(1, 99), Some(found(1, JobState::Completed))),
            (stop(2, 100), Some(found(1, JobState::Completed))),
        ]);
        assert_eq!(
            plan.refused,
            [
                (0, StopJobRefusal::NotFound),
                (
                    1,
                    StopJobRefusal::StopsBeforeStart {
                        start_time: 100,
                        stop_time: 99
                    }
                ),
                (
                    2,
                    StopJobRefusal::NotRunning {
                        id: 1,
                        job_id: 10,
                        state: JobState::Completed
                    }
                ),
            ]
        );
        assert!(plan.finish.is_empty());
    }

    #[test]
    fn a_second_stop_of_a_job_waits_for_the_first() {
        let plan = plan([
            (stop(0, 160), Some(found(1, JobState::Running))),
            (stop(1, 170), Some(found(1, JobState::Running))),
            (stop(2, 170), Some(found(2, JobState::Running))),
        ]);
        assert_eq!(
            plan.finish
                .iter()
                .map(|finish| finish.place)
                .collect::<Vec<_>>(),
            [0, 2]
        );
        assert_eq!(plan.later, [stop(1, 170)]);
    }

    proptest! {
        #[test]
        fn no_times_overflow(start_time: i64, stop_time: i64) {
            let job = Found { id: 1, job_id: 1, start_time, state: JobState::Running };
            let plan = plan([(stop(0, stop_time), Some(job))]);
            prop_assert_eq!(plan.finish.len(), usize::from(stop_time >= start_time));
            prop_assert!(plan.finish.iter().all(|finish| finish.duration >= 0));
        }
    }
}
