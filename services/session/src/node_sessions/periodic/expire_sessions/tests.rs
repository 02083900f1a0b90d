use muster_contract::session::NodeSessionState;

use super::*;
use crate::node_sessions::testing::{
    HOUR, SECOND, alice, asked, closing, lease, on_both_engines, release,
};

on_both_engines! {
    async fn a_session_ends_when_its_time_is_over(world) {
        let session = world.active(&[lease(1)]).await;
        world.pass(6 * HOUR - SECOND);
        assert_eq!(world.expire(64).await, (false, vec![]));
        world.pass(SECOND);
        let (more, said) = world.expire(64).await;
        let released = asked(&said);
        assert_eq!((more, released.len()), (false, 1));
        assert_eq!(world.expire(64).await, (false, vec![]));
        world.released(&[release(released[0].0, &released[0].1)]).await;
        let over = world.session(&session.id).await;
        assert_eq!((over.state, over.end_reason), (NodeSessionState::Closed, Some(EndReason::Expired)));
    }

    async fn however_many_there_are_all_end(world) {
        for node in 0..7 {
            world.active(&[lease(node)]).await;
        }
        world.pass(7 * HOUR);
        let mut ended = 0;
        loop {
            let (more, said) = world.expire(3).await;
            ended += asked(&said).len();
            if !more {
                break;
            }
        }
        assert_eq!(ended, 7);
    }

    /// `api/duffy.md` §7, reaper against done: the second of the two changes nothing.
    async fn the_reaper_comes_after_done(world) {
        let session = world.active(&[lease(1)]).await;
        world.pass(7 * HOUR);
        world.closes(&[(&alice(), world.id(), closing(&session.id))]).await;
        assert_eq!(world.expire(64).await, (false, vec![]));
    }
}
