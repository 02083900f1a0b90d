//! What becomes of a node when something that was done to it has come to its end, and when it is given back.
//!
//! A node that comes back is wiped if it was in a session, then it is installed when it is needed, then it is free; what its
//! pool has no hook for is left out. A hook that fails is tried again after a while; after some attempts the node is set
//! aside for a time and tried once more from the start; after some of these times it waits for an operator.

use muster_contract::{agent::NodeHook, node_allocation::NodeState};

use super::hooks::Hooks;

/// Pause after the first attempt that failed, in microseconds; it doubles with each.
const FIRST_PAUSE: i64 = 60 * 1_000_000;

/// Longest pause between two attempts.
const LONGEST_PAUSE: i64 = 30 * 60 * 1_000_000;

/// How often a node is set aside for a time before it is set aside for good.
pub(crate) const QUARANTINE_LIMIT: u32 = 3;

/// What a node that no session holds is, and what comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) state: NodeState,
    /// For people.
    pub(crate) reason: Option<String>,
    /// It was in a session and has not been wiped since.
    pub(crate) unwiped: bool,
    /// Attempts of the hook at hand that failed.
    pub(crate) failures: u32,
    /// How often it was set aside since its hooks last succeeded.
    pub(crate) quarantines: u32,
    /// When something is to be done to it, in microseconds since 1970.
    pub(crate) due: Option<i64>,
}

impl Condition {
    /// Nothing has to be done to it.
    pub(crate) fn at_rest(state: NodeState) -> Self {
        Self {
            state,
            reason: None,
            unwiped: false,
            failures: 0,
            quarantines: 0,
            due: None,
        }
    }
}

/// What went wrong with a node so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) failures: u32,
    pub(crate) quarantines: u32,
}

/// What a pool does with nodes that fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Patience {
    /// Attempts before a node is set aside.
    pub(crate) attempts: u32,
    /// Microseconds that it is set aside for.
    pub(crate) quarantine: i64,
}

/// Microseconds until the next attempt after so many that failed.
pub(crate) fn back_off(failures: u32) -> i64 {
    let doublings = failures.saturating_sub(1).min(16);
    (FIRST_PAUSE << doublings).min(LONGEST_PAUSE)
}

/// A node without a session that is to be used again; what has to be done at once is due at `now`.
pub(crate) fn comes_back(hooks: &Hooks, unwiped: bool, quarantines: u32, now: i64) -> Condition {
    let unwiped = unwiped && hooks.has(NodeHook::Deprovision);
    let state = if unwiped {
        NodeState::Deprovisioning
    } else if hooks.has(NodeHook::Provision) {
        NodeState::Unused
    } else {
        NodeState::Ready
    };
    Condition {
        unwiped,
        quarantines,
        due: unwiped.then_some(now),
        ..Condition::at_rest(state)
    }
}

/// A node that an agent has wiped or installed.
pub(crate) fn succeeded(hook: NodeHook, hooks: &Hooks, quarantines: u32, now: i64) -> Condition {
    let quarantines = if hooks.is_last(hook) { 0 } else { quarantines };
    match hook {
        NodeHook::Deprovision => comes_back(hooks, false, quarantines, now),
        NodeHook::Provision | NodeHook::Contextualize => Condition {
            quarantines,
            ..Condition::at_rest(NodeState::Ready)
        },
    }
}

/// A node that could not be wiped or installed.
pub(crate) fn failed(
    state: NodeState,
    unwiped: bool,
    record: Record,
    patience: Patience,
    reason: String,
    now: i64,
) -> Condition {
    let failures = record.failures.saturating_add(1);
    if failures < patience.attempts {
        return Condition {
            state,
            reason: Some(reason),
            unwiped,
            failures,
            quarantines: record.quarantines,
            due: Some(now.saturating_add(back_off(failures))),
        };
    }
    set_aside(unwiped, record.quarantines, patience, reason, now)
}

/// A node that is not to be used for a while, or until an operator has looked at it.
pub(crate) fn set_aside(
    unwiped: bool,
    quarantines: u32,
    patience: Patience,
    reason: String,
    now: i64,
) -> Condition {
    let for_good = quarantines >= QUARANTINE_LIMIT;
    let (state, due) = if for_good {
        (NodeState::Failed, None)
    } else {
        let end = now.saturating_add(patience.quarantine);
        (NodeState::Quarantined, Some(end))
    };
    Condition {
        state,
        reason: Some(reason),
        unwiped,
        failures: 0,
        quarantines: quarantines.saturating_add(1).min(QUARANTINE_LIMIT),
        due,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: i64 = 60 * 1_000_000;

    pub(super) fn hooks() -> impl Strategy<Value = Hooks> {
        let seconds = || prop::option::of(1_i64..1_000);
        (seconds(), seconds(), seconds(), any::<bool>(), 1_u32..5).prop_map(
            |(provision, contextualize, deprovision, has_agent, attempts)| Hooks {
                agent: has_agent.then(|| "provisioner".to_owned()),
                provision,
                contextualize,
                deprovision,
                attempts,
            },
        )
    }

    #[test]
    fn pauses_double_up_to_half_an_hour() {
        let pauses: Vec<i64> = (1..=7)
            .map(|failures| back_off(failures) / MINUTE)
            .collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
    }

    proptest! {
        #[test]
        fn pauses_are_within_bounds_and_never_get_shorter(failures in any::<u32>()) {
            let pause = back_off(failures);
            prop_assert!((FIRST_PAUSE..=LONGEST_PAUSE).contains(&pause));
            prop_assert!(back_off(failures.saturating_add(1)) >= pause);
        }

        /// What was not wiped is not free, if there is a hook that wipes; and nothing is free that has to be installed.
        #[test]
        fn a_node_that_comes_back_passes_every_hook(hooks in hooks(), unwiped in any::<bool>()) {
            let mut steps = Vec::new();
            let mut condition = comes_back(&hooks, unwiped, 0, 7);
            while condition.state != NodeState::Ready {
                steps.push(condition.state);
                let hook = match condition.state {
                    NodeState::Deprovisioning => {
                        prop_assert_eq!(condition.due, Some(7));
                        NodeHook::Deprovision
                    }
                    // It is installed when it is needed.
                    NodeState::Unused => NodeHook::Provision,
                    other => return Err(TestCaseError::fail(format!("{other:?}"))),
                };
                condition = succeeded(hook, &hooks, 0, 7);
            }
            prop_assert_eq!(&condition, &Condition::at_rest(NodeState::Ready));
            let mut expected = Vec::new();
            if unwiped && hooks.has(NodeHook::Deprovision) {
                expected.push(NodeState::Deprovisioning);
            }
            if hooks.has(NodeHook::Provision) {
                expected.push(NodeState::Unused);
            }
            prop_assert_eq!(steps, expected);
        }

        /// A node whose hook never succeeds is tried so often, and no more.
        #[test]
        fn what_fails_for_ever_fails_for_good(attempts in 1_u32..6, unwiped in any::<bool>(), quarantine in 1_i64..1_000) {
            let patience = Patience { attempts, quarantine };
            let (mut tried, mut record, mut now) = (0, Record::default(), 0);
            loop {
                tried += 1;
                let condition = failed(NodeState::Provisioning, unwiped, record, patience, "no".to_owned(), now);
                prop_assert_eq!(condition.unwiped, unwiped);
                prop_assert_eq!(condition.reason.as_deref(), Some("no"));
                record = Record { failures: condition.failures, quarantines: condition.quarantines };
                match (condition.state, condition.due) {
                    (NodeState::Failed, None) => break,
                    (NodeState::Provisioning | NodeState::Quarantined, Some(due)) => {
                        prop_assert!(due > now);
                        now = due;
                    }
                    other => return Err(TestCaseError::fail(format!("{other:?}"))),
                }
            }
            prop_assert_eq!(tried, attempts * (QUARANTINE_LIMIT + 1));
        }

        /// Only the last of a pool's hooks makes up for what went wrong: else a node that installs well and cannot be prepared
        /// would be tried for ever.
        #[test]
        fn only_coming_through_is_a_success(hooks in hooks(), hook in prop::sample::select(NodeHook::ALL.to_vec())) {
            let after = succeeded(hook, &hooks, 2, 0).quarantines;
            prop_assert_eq!(after, if hooks.is_last(hook) { 0 } else { 2 });
            prop_assert_eq!(NodeHook::ALL.into_iter().any(|hook| hooks.has(hook) && hooks.is_last(hook)), hooks.any());
        }
    }
}
