use muster_contract::agent::ContainerUsage;

use super::*;
use crate::compute_sessions::testing::{creating, destroying, on_both_engines, stops};

fn using(container: Uuid, cpu_used: u64) -> ContainersUsage {
    let usage = Usage {
        cpu_used,
        ..Usage::default()
    };
    let usage = ContainerUsage { container, usage };
    ContainersUsage {
        containers: vec![usage],
    }
}

on_both_engines! {
    async fn what_is_said_last_is_kept_until_the_end(world) {
        let session = world.running(creating("x-1"), &["a"]).await;
        let container = session.containers[0].id;
        let used = async || world.session("x-1").await.containers[0].usage.map(|usage| usage.cpu_used);
        assert_eq!(used().await, None);
        let (first, second) = (using(container, 1), using(container, 2));
        let (foreign, unknown) = (using(container, 3), using(Uuid::max(), 4));
        world.uses_up(&[("a", &first), ("a", &second), ("a", &unknown)]).await;
        assert_eq!(used().await, Some(2));
        // Only its own agent knows.
        world.uses_up(&[("b", &foreign)]).await;
        assert_eq!(used().await, Some(2));
        let (_, said) = world.destroys(&[destroying("x-1")]).await;
        world.ended(&stops(&said)).await;
        world.uses_up(&[("a", &using(container, 5))]).await;
        assert_eq!(used().await, Some(2));
    }
}
