//! Whatever happens to a session, and in whatever order, its runs are as the model says.

use proptest::prelude::*;

use super::{model::Model, *};

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
        let mut model = Model::new(5);
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
