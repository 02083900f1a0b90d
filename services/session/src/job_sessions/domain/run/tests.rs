use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const LIMIT: i64 = 3_600;
const RULES: Rules = Rules {
    job_limit: Duration::from_secs(LIMIT.cast_unsigned()),
};
const NOON: i64 = 1_700_000_000 * SECOND;

/// The rules once more, as plainly as they can be said, in seconds: tables of `api/freezer.md` §1.4, and a run is over when
/// everyone has ended.
#[derive(Debug, Default)]
struct Model {
    hold_off: i64,
    tag: i64,
    began: Option<i64>,
    is_on: bool,
    /// What became of each job that the session has.
    jobs: BTreeMap<u8, Option<Part>>,
    /// Results of all that ended in the last run, also of those that have left.
    results: Vec<RunResult>,
    /// What was told: ends of jobs, and of runs.
    ended_jobs: Vec<(i64, u8, RunResult, bool)>,
    ended_runs: Vec<(i64, Option<RunResult>)>,
}

/// Of a job in a run.
#[derive(Debug, Clone, Copy)]
struct Part {
    run: i64,
    started: Option<i64>,
    ended: bool,
}

impl Model {
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
    fn tick(&mut self, now: i64) {
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

    fn start(&mut self, job: u8, known: i64, now: i64) -> Option<(&'static str, i64)> {
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

    fn end(&mut self, job: u8, known: i64, result: RunResult) -> Option<&'static str> {
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

    fn remove(&mut self, job: u8) {
        self.behalf(job);
        self.jobs.remove(&job);
        self.look();
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Start {
        job: u8,
        behind: i64,
    },
    End {
        job: u8,
        behind: i64,
        result: RunResult,
    },
    Pass {
        microseconds: i64,
    },
    Due,
    Add(u8),
    Remove(u8),
    HoldOff(i64),
}

fn job() -> impl Strategy<Value = u8> {
    0..5_u8
}

/// How far a scheduler's tag is behind; less than nothing: too high.
fn behind() -> impl Strategy<Value = i64> {
    prop_oneof![8 => Just(0_i64), 5 => Just(1_i64), 1 => -1..4_i64]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let result = prop_oneof![
        4 => Just(RunResult::Success), 1 => Just(RunResult::Fail), 1 => Just(RunResult::Aborted),
    ];
    // Mostly about the window's edges, which are at 5 and 6 seconds.
    let passing = prop_oneof![
        4 => 0..7 * SECOND, 2 => Just(5 * SECOND), 2 => Just(6 * SECOND), 2 => Just(6 * SECOND - 1),
        1 => LIMIT * SECOND - 3..LIMIT * SECOND + 3,
    ];
    let step = prop_oneof![
        6 => (job(), behind()).prop_map(|(job, behind)| Step::Start { job, behind }),
        6 => (job(), behind(), result).prop_map(|(job, behind, result)| Step::End { job, behind, result }),
        4 => passing.prop_map(|microseconds| Step::Pass { microseconds }),
        1 => Just(Step::Due),
        2 => job().prop_map(Step::Add),
        1 => job().prop_map(Step::Remove),
        1 => (0..8_i64).prop_map(Step::HoldOff),
    ];
    proptest::collection::vec(step, 0..120)
}

fn name(job: u8) -> String {
    format!("job-{job}")
}

fn decision(decision: StartDecision) -> &'static str {
    match decision {
        StartDecision::Success => "success",
        StartDecision::HoldOff { remaining } => {
            assert!(remaining > 0);
            "hold-off"
        }
        StartDecision::OutOfSync => "out-of-sync",
    }
}

fn end_decision(decision: EndDecision) -> &'static str {
    match decision {
        EndDecision::Success => "success",
        EndDecision::OutOfSync => "out-of-sync",
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn runs_are_as_the_plain_model_says(steps in steps()) {
        let mut model = Model { hold_off: 5, ..Model::default() };
        let mut runs = Runs::new(5, 0);
        let mut facts = Vec::new();
        let mut now = NOON;
        for job in 0..3_u8 {
            model.jobs.insert(job, None);
            runs.add(&name(job), "node");
        }
        for step in steps {
            let tag = runs.tag;
            match step {
                Step::Start { job, behind } => {
                    let expected = model.start(job, tag - behind, now);
                    let got = runs.start(&name(job), tag - behind, now, RULES, &mut facts);
                    let got = got.ok().map(|got| (decision(got), runs.tag));
                    prop_assert_eq!(got, expected);
                    prop_assert!(runs.tag == tag || runs.tag == tag + 1);
                }
                Step::End { job, behind, result } => {
                    let expected = model.end(job, tag - behind, result);
                    let before = runs.clone();
                    let got = runs.end(&name(job), tag - behind, result, now, &mut facts);
                    prop_assert_eq!(got.ok().map(end_decision), expected);
                    if behind != 0 {
                        prop_assert_eq!(&runs, &before, "a stale end changes nothing");
                    }
                    prop_assert_eq!(runs.tag, tag);
                }
                Step::Pass { microseconds } => now += microseconds,
                Step::Due => {
                    model.tick(now);
                    runs.end_due(now, RULES, &mut facts);
                    prop_assert!(runs.due_at(RULES).is_none_or(|due| due > now));
                }
                Step::Add(job) => {
                    if !runs.has(&name(job)) {
                        model.jobs.insert(job, None);
                        runs.add(&name(job), "node");
                    }
                }
                Step::Remove(job) => {
                    let was_there = model.jobs.contains_key(&job);
                    model.remove(job);
                    prop_assert_eq!(runs.remove(&name(job), now, &mut facts), was_there);
                }
                Step::HoldOff(seconds) => {
                    model.hold_off = seconds;
                    runs.hold_off = seconds;
                }
            }
            prop_assert_eq!(runs.tag, model.tag);
            prop_assert_eq!(runs.status == JobSessionStatus::Running, model.is_on);
            for member in &runs.members {
                let job: u8 = member.job_id.trim_start_matches("job-").parse().unwrap();
                let part = model.jobs[&job];
                let seen = part.map(|part| (part.run, part.started, part.ended));
                let ended = member.status == RunJobStatus::Completed;
                let got = (member.run > 0).then_some((member.run, member.started_at, ended));
                prop_assert_eq!(got, seen);
                prop_assert_eq!(ended, member.result.is_some() && member.ended_at.is_some());
            }
            prop_assert_eq!(runs.members.len(), model.jobs.len());
            prop_assert_eq!(runs.due_at(RULES).is_some(), model.is_on);
        }
        told_once_and_in_order(&facts)?;
        let mut jobs = Vec::new();
        let mut ends = Vec::new();
        for fact in facts {
            match fact {
                Fact::JobEnded { tag, job_id, result, reason, .. } => {
                    let job: u8 = job_id.trim_start_matches("job-").parse().unwrap();
                    jobs.push((tag, job, result, reason.is_some()));
                }
                Fact::RunEnded { tag, result, .. } => ends.push((tag, result)),
                Fact::RunStarted { .. } | Fact::JobStarted { .. } => {}
            }
        }
        // Of those that end at one moment the order is not promised.
        jobs.sort_by_key(|(tag, job, ..)| (*tag, *job));
        model.ended_jobs.sort_by_key(|(tag, job, ..)| (*tag, *job));
        prop_assert_eq!(jobs, model.ended_jobs);
        prop_assert_eq!(ends, model.ended_runs);
    }

    #[test]
    fn any_number_is_survived(
        hold_off in any::<i64>(), tag in any::<i64>(), known in any::<i64>(), times in any::<[i64; 4]>(),
    ) {
        let mut runs = Runs::new(hold_off, tag);
        runs.add("a", "node");
        for now in times {
            let mut facts = Vec::new();
            let _ = runs.start("a", known, now, RULES, &mut facts);
            let _ = runs.end("a", known, RunResult::Success, now, &mut facts);
            runs.end_due(now, RULES, &mut facts);
            let _ = runs.due_at(RULES);
        }
    }
}

/// Tags rise one by one, a run ends before the next one begins, and nothing is told of a run that is not on, or twice.
fn told_once_and_in_order(facts: &[Fact]) -> Result<(), TestCaseError> {
    let (mut last, mut is_on) = (0, false);
    let mut ended = std::collections::BTreeSet::new();
    for fact in facts {
        match fact {
            Fact::RunStarted { tag, .. } => {
                prop_assert!(!is_on && *tag == last + 1, "{facts:#?}");
                (last, is_on) = (*tag, true);
            }
            Fact::JobStarted { tag, .. } => prop_assert!(is_on && *tag == last),
            Fact::JobEnded { tag, job_id, .. } => {
                prop_assert!(is_on && *tag == last);
                // One that leaves, comes back and joins the same run ends in it again.
                ended.insert((*tag, job_id.clone()));
            }
            Fact::RunEnded { tag, .. } => {
                prop_assert!(is_on && *tag == last);
                is_on = false;
            }
        }
    }
    Ok(())
}

fn session(jobs: &[&str]) -> Runs {
    let mut runs = Runs::new(30, 0);
    for job in jobs {
        runs.add(job, "node");
    }
    runs
}

fn start(
    runs: &mut Runs,
    job: &str,
    known: i64,
    second: i64,
) -> Result<StartDecision, JobSessionRefusal> {
    runs.start(job, known, NOON + second * SECOND, RULES, &mut Vec::new())
}

#[test]
fn the_five_outcomes_of_a_start() {
    let mut runs = session(&["a", "b"]);
    assert_eq!(
        start(&mut runs, "a", 1, 0),
        Err(JobSessionRefusal::TagTooHigh { tag: 0 })
    );
    assert_eq!(
        start(&mut runs, "c", 0, 0),
        Err(JobSessionRefusal::UnknownJob)
    );
    assert_eq!(start(&mut runs, "a", 0, 0), Ok(StartDecision::Success));
    assert_eq!(runs.tag, 1);
    assert_eq!(
        start(&mut runs, "a", 1, 0),
        Ok(StartDecision::HoldOff { remaining: 31 })
    );
    assert_eq!(start(&mut runs, "b", 0, 30), Ok(StartDecision::Success));
    assert_eq!(
        start(&mut runs, "c", 0, 30),
        Err(JobSessionRefusal::UnknownJob)
    );
    assert_eq!(
        start(&mut runs, "b", 1, 30),
        Ok(StartDecision::HoldOff { remaining: 1 })
    );
    assert_eq!(start(&mut runs, "b", 0, 31), Ok(StartDecision::OutOfSync));
    assert_eq!(runs.tag, 1);
    assert_eq!(start(&mut runs, "b", 1, 31), Ok(StartDecision::Success));
    assert_eq!(runs.tag, 2);
}

/// `api/freezer.md` §1.4: with the real server the job that is stored first ends the session.
#[test]
fn a_run_is_over_when_all_its_jobs_have_ended_and_its_results_are_its_own() {
    let mut runs = session(&["a", "b"]);
    let facts = &mut Vec::new();
    start(&mut runs, "a", 0, 0).unwrap();
    runs.end("a", 1, RunResult::Fail, NOON + SECOND, facts)
        .unwrap();
    assert_eq!(runs.status, JobSessionStatus::Running);
    runs.end("b", 1, RunResult::Success, NOON + 2 * SECOND, facts)
        .unwrap();
    assert_eq!(
        (runs.status, runs.result),
        (JobSessionStatus::Completed, Some(RunResult::Fail))
    );
    start(&mut runs, "b", 1, 40).unwrap();
    runs.end("b", 2, RunResult::Success, NOON + 41 * SECOND, facts)
        .unwrap();
    assert_eq!(runs.status, JobSessionStatus::Running);
    let stale = runs.end("a", 1, RunResult::Fail, NOON + 42 * SECOND, facts);
    assert_eq!(stale, Ok(EndDecision::OutOfSync));
    runs.end("a", 2, RunResult::Success, NOON + 43 * SECOND, facts)
        .unwrap();
    assert_eq!(
        (runs.status, runs.result),
        (JobSessionStatus::Completed, Some(RunResult::Success))
    );
    // Once more changes nothing.
    let before = runs.clone();
    let again = runs.end("a", 2, RunResult::Fail, NOON + 44 * SECOND, facts);
    assert_eq!((again, runs), (Ok(EndDecision::Success), before));
}

#[test]
fn what_nothing_is_heard_of_is_ended_on_its_behalf() {
    let mut runs = session(&["a", "b"]);
    start(&mut runs, "a", 0, 0).unwrap();
    assert_eq!(runs.due_at(RULES), Some(NOON + 31 * SECOND));
    let facts = &mut Vec::new();
    runs.end_due(NOON + 31 * SECOND - 1, RULES, facts);
    assert_eq!(facts, &[]);
    runs.end_due(NOON + 31 * SECOND, RULES, facts);
    let reasons = |facts: &[Fact]| -> Vec<(String, RunResult, String)> {
        let ended = facts.iter().filter_map(|fact| match fact {
            Fact::JobEnded {
                job_id,
                result,
                reason,
                ..
            } => Some((job_id.clone(), *result, reason.clone().unwrap())),
            _ => None,
        });
        ended.collect()
    };
    let late = (
        "b".to_owned(),
        RunResult::Fail,
        "did not start within the hold-off".to_owned(),
    );
    assert_eq!(reasons(facts), std::slice::from_ref(&late));
    assert_eq!(runs.due_at(RULES), Some(NOON + LIMIT * SECOND));
    runs.end_due(NOON + LIMIT * SECOND, RULES, facts);
    let long = (
        "a".to_owned(),
        RunResult::Aborted,
        "has not ended within 1h".to_owned(),
    );
    assert_eq!(reasons(facts), [late, long]);
    assert_eq!(
        (runs.status, runs.result),
        (JobSessionStatus::Completed, Some(RunResult::Fail))
    );
    assert_eq!(runs.due_at(RULES), None);
}
