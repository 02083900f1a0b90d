use muster_contract::session::ComputeSessionStatus as S;
use muster_messaging::OutcomeOf;

use super::*;
use crate::compute_sessions::{
    saying::Saying,
    testing::{
        SECOND, creating, destroying, failures, on_both_engines, reference, settled, starts, stops,
        told,
    },
};

fn restarting(name: &str) -> RestartComputeSession {
    RestartComputeSession {
        session: reference(name),
    }
}

fn outcomes(said: &[Saying]) -> Vec<OutcomeOf<RestartComputeSession>> {
    let settled = settled(said).into_iter();
    settled
        .filter_map(|(_, settlement)| match settlement {
            Settlement::Restart(outcome) => Some(outcome),
            _ => None,
        })
        .collect()
}

on_both_engines! {
    async fn a_restarted_session_is_the_same(world) {
        let before = world.running(creating("x-1"), &["a"]).await;
        world.pass(SECOND);
        let (reached, said) = world.restarts(&[restarting("x-1"), restarting("x-1")]).await;
        assert_eq!((&reached[0].1, &reached[1].1, told(&said)), (&None, &None, vec![S::Restarting]));
        let said = world.started(&starts(&said)).await;
        assert_eq!(told(&said), [S::Running]);
        let session = world.session("x-1").await;
        assert_eq!(outcomes(&said), vec![Outcome::Done(session.clone()); 2]);
        assert_eq!((session.id, session.started_at, session.created_at), (before.id, before.started_at, before.created_at));
        assert_eq!(session.containers[0].id, before.containers[0].id);
    }

    async fn one_that_does_not_come_back_ends(world) {
        world.running(creating("x-1"), &["a"]).await;
        let (_, said) = world.restarts(&[restarting("x-1")]).await;
        let said = world.started(&failures(&said)).await;
        assert_eq!(told(&said), [S::Terminated]);
        let reason = "failed-to-restart (no\u{fffd})".to_owned();
        assert_eq!(outcomes(&said), [Outcome::Refused(ComputeSessionRefusal::Ended { reason })]);
    }

    async fn one_that_takes_too_long_ends(world) {
        world.running(creating("x-1"), &["a"]).await;
        world.restarts(&[restarting("x-1")]).await;
        world.pass(300 * SECOND);
        let (_, said) = world.look_after(9).await;
        let reason = "failed-to-restart (restart-timeout)".to_owned();
        assert_eq!(outcomes(&said), [Outcome::Refused(ComputeSessionRefusal::Ended { reason })]);
        assert_eq!(told(&world.ended(&stops(&said)).await), [S::Terminated]);
    }

    async fn only_what_runs_is_restarted(world) {
        let (waiting, _) = world.preparing(creating("x-1"), &["a"]).await;
        let (reached, said) = world.restarts(&[restarting("x-1"), restarting("x-2")]).await;
        let not_running = ComputeSessionRefusal::NotRunning { session: waiting.id, status: S::Preparing };
        assert_eq!(reached[0].1, Some(Outcome::Refused(not_running)));
        assert_eq!(reached[1].1, Some(Outcome::Refused(ComputeSessionRefusal::Unknown)));
        assert_eq!(said, []);
    }

    async fn whoever_waits_for_a_restart_hears_that_it_was_destroyed(world) {
        world.running(creating("x-1"), &["a"]).await;
        world.restarts(&[restarting("x-1")]).await;
        let (_, said) = world.destroys(&[destroying("x-1")]).await;
        let reason = "user-requested".to_owned();
        assert_eq!(outcomes(&said), [Outcome::Refused(ComputeSessionRefusal::Ended { reason })]);
    }
}
