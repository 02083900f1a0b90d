//! The rules as a model of their own, to hold the real ones against.

use std::collections::BTreeMap;

use muster_contract::session::RunResult;

use super::{LIMIT, SECOND};

/// The rules once more, as plainly as they can be said, in seconds: tables of `api/freezer.md` §1.4, and a run is over when
/// everyone has ended.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) hold_off: i64,
    pub(super) tag: i64,
    began: Option<i64>,
    pub(super) is_on: bool,
    /// What became of each job that the session has.
    pub(super) jobs: BTreeMap<u8, Option<Part>>,
    /// Results of all that ended in the last run, also of those that have left.
    results: Vec<RunResult>,
    /// What was told: ends of jobs, and of runs.
    pub(super) ended_jobs: Vec<(i64, u8, RunResult, bool)>,
    pub(super) ended_runs: Vec<(i64, Option<RunResult>)>,
}

/// Of a job in a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) run: i64,
    pub(super) started: Option<i64>,
    pub(super) ended: bool,
}

impl Model {
    /// Of a session that has had no run.
    pub(super) fn new(hold_off: i64) -> Self {
        Self {
            hold_off,
            ..Self::default()
        }
    }

    /// The job belongs to the run that is on and has not ended.
    fn open(&self, job: u8) -> Option<Part> {
        let part = (*self.jobs.get(&job)?)?;
        (self.is_on && part.run == self.tag && !part.ended).then_some(part)
    }

    fn end_job(&mut self, job: u8, result: RunResult, on_behalf: bool) {
        self.results.push(result);
        self.ended_jobs.push((self.tag, job, result, on_behalf));
        if let Some(Some(part)) = self.jobs.get_mut(&job) {
            part.ended = true;
        }
    }

    fn behalf(&mut self, job: u8) {
        if let Some(part) = self.open(job) {
            let result = match part.started {
                Some(_) => RunResult::Aborted,
                None => RunResult::Fail,
            };
            self.end_job(job, result, true);
        }
    }

    fn everyone(&self) -> Vec<u8> {
        self.jobs.keys().copied().collect()
    }

    fn look(&mut self) {
        if self.is_on && self.everyone().iter().all(|job| self.open(*job).is_none()) {
            self.is_on = false;
            let good = self
                .results
                .iter()
                .all(|result| *result == RunResult::Success);
            let result = if good {
                RunResult::Success
            } else {
                RunResult::Fail
            };
            self.ended_runs.push((self.tag, Some(result)));
        }
    }

    /// `now` in whole seconds since the tests began, and the fraction of it, in microseconds.
    pub(super) fn tick(&mut self, now: i64) {
        for job in self.everyone() {
            if let Some(part) = self.open(job) {
                let over = match part.started {
                    Some(started) => now >= started + LIMIT * SECOND,
                    None => !self.is_inside(now),
                };
                if over {
                    self.behalf(job);
                }
            }
        }
        self.look();
    }

    /// dt <= H in whole seconds.
    fn is_inside(&self, now: i64) -> bool {
        self.began
            .is_some_and(|began| (now - began).div_euclid(SECOND) <= self.hold_off)
    }

    pub(super) fn start(&mut self, job: u8, known: i64, now: i64) -> Option<(&'static str, i64)> {
        if known > self.tag {
            return None;
        }
        self.tick(now);
        let inside = self.is_inside(now);
        if inside && known < self.tag {
            let part = *self.jobs.get(&job)?;
            return match part {
                Some(part) if part.run == self.tag => {
                    if !part.ended && part.started.is_none() {
                        let started = Part {
                            started: Some(now),
                            ..part
                        };
                        self.jobs.insert(job, Some(started));
                    }
                    Some(("success", self.tag))
                }
                _ if self.is_on => {
                    let (run, ended) = (self.tag, false);
                    self.jobs.insert(
                        job,
                        Some(Part {
                            run,
                            started: Some(now),
                            ended,
                        }),
                    );
                    Some(("success", self.tag))
                }
                _ => Some(("out-of-sync", self.tag)),
            };
        }
        if inside {
            return Some(("hold-off", self.tag));
        }
        if known < self.tag {
            return Some(("out-of-sync", self.tag));
        }
        self.jobs.get(&job)?;
        if self.is_on {
            for other in self.everyone() {
                self.behalf(other);
            }
            self.ended_runs.push((self.tag, None));
        }
        self.tag += 1;
        self.began = Some(now);
        self.is_on = true;
        self.results.clear();
        for other in self.everyone() {
            let started = (other == job).then_some(now);
            self.jobs.insert(
                other,
                Some(Part {
                    run: self.tag,
                    started,
                    ended: false,
                }),
            );
        }
        Some(("success", self.tag))
    }

    pub(super) fn end(&mut self, job: u8, known: i64, result: RunResult) -> Option<&'static str> {
        if known > self.tag {
            return None;
        }
        if known < self.tag {
            return Some("out-of-sync");
        }
        match *self.jobs.get(&job)? {
            Some(part) if part.run == self.tag => {
                if self.open(job).is_some() {
                    self.end_job(job, result, false);
                    self.look();
                }
                Some("success")
            }
            _ => Some("out-of-sync"),
        }
    }

    pub(super) fn remove(&mut self, job: u8) {
        self.behalf(job);
        self.jobs.remove(&job);
        self.look();
    }
}
