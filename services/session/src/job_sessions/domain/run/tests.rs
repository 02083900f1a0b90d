mod model;
mod whatever_happens;

use super::*;

const LIMIT: i64 = 3_600;
const RULES: Rules = Rules {
    job_limit: Duration::from_secs(LIMIT.cast_unsigned()),
};
const NOON: i64 = 1_700_000_000 * SECOND;

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

/// Requests wait while a part is away, and others are looked at first.
#[test]
fn a_start_that_was_asked_for_in_time_and_comes_when_nobody_waits_any_more_is_out_of_sync() {
    let mut runs = session(&["a", "b"]);
    start(&mut runs, "a", 0, 0).unwrap();
    runs.end_due(NOON + 31 * SECOND, RULES, &mut Vec::new());
    let before = runs.clone();
    assert_eq!(start(&mut runs, "b", 0, 29), Ok(StartDecision::OutOfSync));
    // One that had started only hears once more that it has.
    assert_eq!(start(&mut runs, "a", 0, 29), Ok(StartDecision::Success));
    assert_eq!(runs, before);
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
