use muster_contract::session::{NodeSessionState, SessionReference};

use super::*;
use crate::node_sessions::testing::{
    alice, bob, by_name, everything, lease, named, on_both_engines, opening_with_node,
};

on_both_engines! {
    async fn sessions_are_listed_by_number(world) {
        let mut all = Vec::new();
        for number in 0..5 {
            let owner = if number % 2 == 0 { alice() } else { bob() };
            all.push(world.active_of(&owner, opening_with_node(), &[lease(number)]).await);
        }
        assert_eq!(world.list(&everything()).await, all);
        let of_bob = ListNodeSessions { tenant: Some("other".to_owned()), ..everything() };
        assert_eq!(world.list(&of_bob).await, [all[1].clone(), all[3].clone()]);
        let page = ListNodeSessions { after: all[1].number, limit: 2, ..everything() };
        assert_eq!(world.list(&page).await, all[2..4]);
        assert!(world.list(&ListNodeSessions { limit: 0, ..everything() }).await.is_empty());
    }

    async fn by_state(world) {
        let active = world.active(&[lease(1)]).await;
        let over = world.active(&[]).await;
        let over = world.closed(&over).await;
        let wanted = |states: &[NodeSessionState]| ListNodeSessions { states: states.to_vec(), ..everything() };
        let state = NodeSessionState::Active;
        assert_eq!(world.list(&wanted(&[state, state, NodeSessionState::Held])).await, std::slice::from_ref(&active));
        assert_eq!(world.list(&wanted(&[NodeSessionState::Closed])).await, std::slice::from_ref(&over));
        assert_eq!(world.list(&wanted(&NodeSessionState::ALL)).await, [active, over]);
    }

    async fn one_session(world) {
        let mine = world.active_of(&alice(), named("nightly"), &[]).await;
        let theirs = world.active_of(&bob(), named("nightly"), &[]).await;
        let one = |tenant: Option<&str>, session| ListNodeSessions {
            tenant: tenant.map(str::to_owned),
            session: Some(session),
            ..everything()
        };
        assert_eq!(world.list(&one(Some("demo"), by_name("nightly"))).await, std::slice::from_ref(&mine));
        assert_eq!(world.list(&one(None, by_name("nightly"))).await, [mine.clone(), theirs.clone()]);
        assert_eq!(world.list(&one(Some("demo"), by_name(&theirs.id))).await, []);
        assert_eq!(world.list(&one(None, SessionReference::Number(theirs.number))).await, [theirs]);
        world.closed(&mine).await;
        assert_eq!(world.list(&one(Some("demo"), by_name("nightly"))).await, []);
        assert_eq!(world.session(&mine.id).await.state, NodeSessionState::Closed);
        for nobody in ["", "a\0b", "unknown"] {
            assert_eq!(world.list(&one(None, by_name(nobody))).await, []);
            assert_eq!(world.list(&one(Some(nobody), by_name("nightly"))).await, []);
        }
    }
}
