use muster_contract::session::{ComputeSessionStatus as S, CreateComputeSession};

use super::*;
use crate::compute_sessions::testing::{SECOND, creating, on_both_engines, reference, stops, told};

fn using(name: &str, is_activity: bool) -> UseComputeSession {
    UseComputeSession {
        session: reference(name),
        is_activity,
    }
}

on_both_engines! {
    async fn each_look_is_counted(world) {
        world.running(creating("x-1"), &["a"]).await;
        let (reached, said) = world.uses(&[using("x-1", false), using("x-1", true)]).await;
        assert_eq!(said, []);
        let Some(Outcome::Done(session)) = &reached[1].1 else { panic!("{reached:?}") };
        assert_eq!((session.queries, world.session("x-1").await.queries), (2, 2));
    }

    async fn what_does_not_run_is_looked_at_but_not_used(world) {
        let (session, _) = world.preparing(creating("x-1"), &["a"]).await;
        let (reached, _) = world.uses(&[using("x-1", false), using("x-1", true)]).await;
        assert!(matches!(reached[0].1, Some(Outcome::Done(_))));
        let refusal = ComputeSessionRefusal::NotRunning { session: session.id, status: S::Preparing };
        assert_eq!(reached[1].1, Some(Outcome::Refused(refusal)));
    }

    async fn without_use_it_ends(world) {
        let idle = CreateComputeSession { idle_timeout: Some(600 * SECOND), ..creating("x-1") };
        world.running(idle, &["a"]).await;
        world.pass(500 * SECOND);
        world.uses(&[using("x-1", true)]).await;
        world.pass(500 * SECOND);
        assert_eq!(world.look_after(9).await, (false, vec![]));
        // A look is no use.
        world.uses(&[using("x-1", false)]).await;
        world.pass(100 * SECOND);
        let (_, said) = world.look_after(9).await;
        assert_eq!(told(&said), [S::Terminating]);
        world.ended(&stops(&said)).await;
        assert_eq!(world.session("x-1").await.status_info.as_deref(), Some("idle-timeout"));
    }
}
