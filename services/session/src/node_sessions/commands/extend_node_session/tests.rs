use muster_contract::{
    Principal,
    session::{NewExpiry, NodeSession},
};

use super::*;
use crate::node_sessions::testing::{
    HOUR, NOON, SECOND, World, admin, alice, bob, by_name, endless, lease, on_both_engines,
};

async fn extend(
    world: &World,
    caller: &Principal,
    session: &NodeSession,
    expiry: NewExpiry,
) -> Result<Option<i64>, ExtendNodeSessionRefusal> {
    let command = ExtendNodeSession {
        session: by_name(&session.id),
        expiry,
    };
    let (mut reached, said) = world.extends(&[(caller, world.id(), command)]).await;
    assert_eq!(said, []);
    match reached.remove(0) {
        Some(Outcome::Done(session)) => Ok(session.expires_at),
        Some(Outcome::Refused(refusal)) => Err(refusal),
        None => panic!("it does not wait for anything"),
    }
}

on_both_engines! {
    async fn the_end_is_moved_as_far_as_the_pool_allows(world) {
        let session = world.active(&[lease(1), endless(2)]).await;
        let owner = alice();
        let later = NewExpiry::Later(3_600);
        assert_eq!(extend(world, &owner, &session, later).await, Ok(Some(NOON + 7 * HOUR)));
        let sooner = NewExpiry::At(NOON + HOUR);
        assert_eq!(extend(world, &owner, &session, sooner).await, Ok(Some(NOON + HOUR)));
        let far = NewExpiry::At(NOON + 100 * HOUR);
        assert_eq!(extend(world, &owner, &session, far).await, Ok(Some(NOON + 12 * HOUR)));
        assert_eq!(extend(world, &admin(), &session, far).await, Ok(Some(NOON + 100 * HOUR)));
        // What it has already is not taken from it by the rule.
        let farther = NewExpiry::Later(1);
        assert_eq!(extend(world, &owner, &session, farther).await, Ok(Some(NOON + 100 * HOUR)));
        assert_eq!(world.session(&session.id).await.expires_at, Some(NOON + 100 * HOUR));
    }

    async fn a_time_must_be_one_to_come(world) {
        let session = world.active(&[lease(1)]).await;
        let invalid = Err(ExtendNodeSessionRefusal::InvalidTime);
        for expiry in [
            NewExpiry::At(NOON),
            NewExpiry::At(0),
            NewExpiry::At(i64::MIN),
            NewExpiry::At(i64::MAX),
            NewExpiry::Later(-7 * 3_600),
            NewExpiry::Later(i64::MAX),
            NewExpiry::Later(i64::MIN),
        ] {
            for caller in [alice(), admin()] {
                assert_eq!(extend(world, &caller, &session, expiry).await, invalid, "{expiry:?}");
            }
        }
        assert_eq!(world.session(&session.id).await, session);
    }

    async fn only_who_may_and_while_it_lives(world) {
        let session = world.active(&[]).await;
        let later = NewExpiry::Later(60);
        let not_yours = ExtendNodeSessionRefusal::Session(NodeSessionRefusal::NotYours);
        assert_eq!(extend(world, &bob(), &session, later).await, Err(not_yours));
        // It never expires: after now.
        assert_eq!(extend(world, &alice(), &session, later).await, Ok(Some(NOON + 60 * SECOND)));
        world.closed(&session).await;
        let state = muster_contract::session::NodeSessionState::Closed;
        let over = ExtendNodeSessionRefusal::Session(NodeSessionRefusal::WrongState { state });
        assert_eq!(extend(world, &alice(), &session, later).await, Err(over));
    }
}
