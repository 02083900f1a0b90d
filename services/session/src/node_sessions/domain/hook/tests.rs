use proptest::prelude::*;

use super::*;

const SECOND: i64 = 1_000_000;

#[derive(Debug, Clone)]
enum Step {
    /// The agent reports the attempt of this number, counted from 1.
    Report {
        attempt: u128,
        success: bool,
        stranger: bool,
    },
    /// So much time passes, and what is due is done.
    Pass(i64),
    GiveUpWaiting,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0_u128..6, any::<bool>(), prop::bool::weighted(0.2))
            .prop_map(|(attempt, success, stranger)| Step::Report { attempt, success, stranger }),
        4 => (0_i64..4_000).prop_map(|seconds| Step::Pass(seconds * SECOND)),
        1 => Just(Step::GiveUpWaiting),
    ]
}

fn kind() -> impl Strategy<Value = SessionHook> {
    prop_oneof![Just(SessionHook::SetUp), Just(SessionHook::TearDown)]
}

fn is_over(hook: &Hook) -> bool {
    matches!(hook.state, HookState::Succeeded | HookState::Failed)
}

/// As the periodic work does it: what is due ends or begins. Tells how the attempt at hand ended.
fn look(hook: &mut Hook, now: i64, patience: i64) -> Option<Ended> {
    if !hook.is_due(now) {
        return None;
    }
    if let Some(ended) = hook.miss(now, patience) {
        return Some(ended);
    }
    let order = Uuid::from_u128(u128::from(hook.attempts) + 1);
    assert_eq!(hook.begin(order, now), Some(now + hook.time_limit));
    None
}

proptest! {
    #[test]
    fn the_rules_hold_whatever_happens(
        kind in kind(),
        attempt_limit in 0_u32..6,
        time_limit in 0_i64..300,
        patience in prop_oneof![Just(i64::MIN), Just(i64::MAX), (0_i64..10_000).prop_map(|time| time * SECOND)],
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let mut hook = Hook::new(kind, "network", time_limit * SECOND, attempt_limit);
        let mut now = 0;
        hook.begin(Uuid::from_u128(1), now);
        let mut began = now;
        let mut ends = 0;
        for step in steps {
            let before = hook.clone();
            let ended = match step {
                Step::Report { attempt, success, stranger } => {
                    let agent = if stranger { "stranger" } else { "network" };
                    let reason = "no".to_owned();
                    let result = if success { HookResult::Succeeded } else { HookResult::Failed { reason } };
                    let ended = hook.take(agent, Uuid::from_u128(attempt), &result, now, patience);
                    // Only the agent's word on the attempt that is on counts.
                    let order = Uuid::from_u128(attempt);
                    let awaited = matches!(before.state, HookState::Ordered { order: own, .. } if own == order);
                    prop_assert_eq!(ended.is_some(), awaited && !stranger);
                    prop_assert_eq!(ended == Some(Ended::Succeeded), ended.is_some() && success);
                    ended
                }
                Step::Pass(time) => {
                    now += time;
                    look(&mut hook, now, patience)
                }
                Step::GiveUpWaiting => {
                    hook.give_up_waiting();
                    None
                }
            };
            // What is over stays as it is.
            if is_over(&before) {
                prop_assert_eq!(&hook, &before);
            }
            prop_assert_eq!(hook.due_at().is_some(), hook.is_on());
            prop_assert!(hook.attempts <= attempt_limit.max(1));
            if hook.attempts > before.attempts {
                // No two attempts overlap, and none comes sooner than after a pause. None begins late for those who
                // have stopped waiting but for the time that passed unlooked at.
                let due = matches!(before.state, HookState::Waiting { until } if until <= patience && until <= now);
                prop_assert!(due, "{:?}", before);
                prop_assert!(now >= began + 5 * SECOND);
                began = now;
            }
            if let Some(Ended::ForGood | Ended::Succeeded) = ended {
                ends += 1;
                prop_assert!(is_over(&hook));
            }
        }
        prop_assert!(ends <= 1);
        // If nothing is heard any more, it comes to its end nevertheless.
        for _ in 0..2 * attempt_limit.max(1) {
            if let Some(due_at) = hook.due_at() {
                now = now.max(due_at);
                look(&mut hook, now, patience);
            }
        }
        prop_assert!(is_over(&hook));
    }

    #[test]
    fn pauses_grow_up_to_their_limit(kind in kind(), attempts in 1_u32..u32::MAX) {
        let (shorter, longer) = (pause(kind, attempts), pause(kind, attempts + 1));
        prop_assert!(shorter <= longer && longer <= 2 * shorter);
        prop_assert!((5..=1_800).contains(&shorter));
    }

    #[test]
    fn any_reason_can_be_kept(reason in ".{0,5000}", nul: bool) {
        let reason = if nul { format!("{reason}\0") } else { reason };
        let kept = storable(&reason);
        prop_assert!(kept.len() <= REASON_LIMIT && !kept.contains('\0'));
        prop_assert!(reason.replace('\0', " ").ends_with(&kept));
        prop_assert!(kept.len() + 4 > reason.len().min(REASON_LIMIT));
    }
}

#[test]
fn the_pauses() {
    let pauses = |kind| {
        (1..=7)
            .map(|attempts| pause(kind, attempts))
            .collect::<Vec<_>>()
    };
    assert_eq!(pauses(SessionHook::SetUp), [5, 10, 20, 40, 60, 60, 60]);
    assert_eq!(
        pauses(SessionHook::TearDown),
        [60, 120, 240, 480, 960, 1_800, 1_800]
    );
}

#[test]
fn a_silent_agent_is_waited_for_until_shortly_after_the_end_of_the_attempt() {
    let mut hook = Hook::new(SessionHook::SetUp, "network", 60 * SECOND, 1);
    hook.begin(Uuid::from_u128(1), 0);
    assert_eq!(hook.due_at(), Some(70 * SECOND));
    assert_eq!(hook.miss(70 * SECOND - 1, i64::MAX), None);
    assert_eq!(hook.miss(70 * SECOND, i64::MAX), Some(Ended::ForGood));
    assert_eq!(
        hook.reason.as_deref(),
        Some("agent \"network\" has not answered")
    );
}
