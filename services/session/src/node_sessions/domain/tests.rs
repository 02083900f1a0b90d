//! Whatever is done to a session in whatever order, its rules hold.

use muster_contract::{
    node_allocation::LeasedNode,
    session::{EndReason, JobReference, NewExpiry, NodeSessionState},
};
use proptest::prelude::*;

use super::session::{Holding, Session};

#[derive(Debug, Clone)]
enum Step {
    Grant(Vec<LeasedNode>),
    Refuse,
    Activate,
    Shrink(i64),
    Hold(i64),
    BeginToClose,
    Close,
    Extend(i64, bool),
}

fn lease() -> impl Strategy<Value = LeasedNode> {
    let lifetime = || prop::option::of(1_i64..100_000);
    (0_i64..6, 0_i64..3, lifetime(), lifetime()).prop_map(
        |(id, generation, lifetime, maximum_lifetime)| LeasedNode {
            id,
            hostname: format!("n{id}"),
            ip_address: String::new(),
            pool: "metal".to_owned(),
            generation,
            lifetime,
            maximum_lifetime,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => prop::collection::vec(lease(), 0..4).prop_map(Step::Grant),
        1 => Just(Step::Refuse),
        1 => Just(Step::Activate),
        3 => (0_i64..6).prop_map(Step::Shrink),
        1 => any::<i64>().prop_map(Step::Hold),
        1 => Just(Step::BeginToClose),
        1 => Just(Step::Close),
        2 => (any::<i64>(), any::<bool>()).prop_map(|(time, limited)| Step::Extend(time, limited)),
    ]
}

fn session(tied: bool) -> Session {
    Session {
        id: "session".to_owned(),
        number: 1,
        tenant: "demo".to_owned(),
        alias: None,
        state: NodeSessionState::Opening,
        job: tied.then(|| JobReference {
            cluster: "fritz".to_owned(),
            job_id: 7,
        }),
        created_at: 0,
        expires_at: None,
        ended_at: None,
        end_reason: None,
        nodes: Vec::new(),
        hooks: Vec::new(),
    }
}

/// Does the step as the handlers do: only where the rules allow it.
fn take(session: &mut Session, step: &Step, now: i64) {
    match step {
        Step::Grant(leases) => {
            session.grant(leases, now);
        }
        Step::Refuse => {
            session.refuse(now);
        }
        Step::Activate => {
            session.activate();
        }
        Step::Shrink(node) => {
            if session.check_shrink().is_ok() {
                session.take_out(&format!("n{node}"));
            }
        }
        Step::Hold(seconds) => {
            if session.check_hold() == Ok(Holding::Begins) {
                session.hold(*seconds);
            }
        }
        Step::BeginToClose => {
            let _ = session.begin_to_close(EndReason::Asked);
        }
        Step::Close => {
            session.close(now);
        }
        Step::Extend(time, limited) => {
            if session.check_extension().is_ok() {
                session.extend(NewExpiry::At(*time), now, *limited);
            }
        }
    }
}

/// States that may follow each other.
fn may_follow(before: NodeSessionState, after: NodeSessionState) -> bool {
    use NodeSessionState::{Active, Closed, Closing, Held, Opening, Refused};
    before == after
        || matches!(
            (before, after),
            (Opening, Active | Refused | Closing)
                | (Active, Held | Closing)
                | (Held, Closing)
                | (Closing, Closed)
        )
}

proptest! {
    #[test]
    fn the_rules_hold_whatever_happens(
        tied: bool,
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let mut session = session(tied);
        for (now, step) in (1_i64..).zip(&steps) {
            let before = session.clone();
            take(&mut session, step, now);
            prop_assert!(may_follow(before.state, session.state), "{before:?} {session:?}");
            // It has ended if and only if it says when, and then nothing changes any more.
            let is_over = matches!(session.state, NodeSessionState::Closed | NodeSessionState::Refused);
            prop_assert_eq!(is_over, session.ended_at.is_some());
            if !before.is_live() {
                prop_assert_eq!(&session, &before);
            }
            prop_assert_eq!(session.state == NodeSessionState::Closed, session.shown().end_reason.is_some());
            // Nobody gets nodes on the way out.
            if session.state == NodeSessionState::Closing || is_over {
                prop_assert!(session.nodes.len() <= before.nodes.len());
            }
            // No lease twice.
            let mut leases: Vec<(i64, i64)> =
                session.nodes.iter().map(|node| (node.lease.id, node.lease.generation)).collect();
            leases.sort_unstable();
            leases.dedup();
            prop_assert_eq!(leases.len(), session.nodes.len());
            // Nodes never move the end to a later time, and a tied session ends by itself only if told to.
            if let Step::Grant(_) = step {
                if let Some(end) = before.expires_at {
                    prop_assert!(session.expires_at.is_some_and(|time| time <= end));
                }
                if tied {
                    prop_assert_eq!(session.expires_at, before.expires_at);
                }
            }
            // What has no nodes left does not end by itself.
            if matches!(step, Step::Shrink(_)) && session.nodes.is_empty() && !before.nodes.is_empty() {
                prop_assert_eq!(session.expires_at, None);
            }
        }
        // Out of every state there is a way.
        let _ = session.begin_to_close(EndReason::Expired);
        session.close(1_000);
        prop_assert!(!session.is_live());
    }

    #[test]
    fn an_extension_ends_after_now_and_within_the_limits(
        leases in prop::collection::vec(lease(), 1..4),
        wanted: i64,
        now in 0_i64..1_000_000_000_000,
    ) {
        let mut session = session(false);
        session.grant(&leases, 0);
        let before = session.expires_at;
        if session.extend(NewExpiry::At(wanted), now, true).is_some() {
            let end = session.expires_at.unwrap();
            prop_assert!(end <= wanted);
            let allowed = session.nodes.iter().filter_map(|node| node.lease.maximum_lifetime).min();
            if let (Some(allowed), Some(before)) = (allowed, before) {
                prop_assert!(end <= (allowed * 1_000_000).max(before));
            }
        } else {
            prop_assert!(wanted <= now || wanted > 253_402_300_799_999_999);
            prop_assert_eq!(session.expires_at, before);
        }
    }
}
