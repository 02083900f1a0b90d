use muster_contract::node_allocation::AllocateNodes;

use super::*;
use crate::{
    domain::queue::QUEUE_LIMIT,
    testing::{
        NOW, SECOND, allocate, allocate_at, declare, declare_at, due, ends, got, in_state,
        insufficient, of_pool, on_both_engines, queue, refused, release, released, waiting, wanted,
    },
};
use muster_contract::node_allocation::NodeState;

on_both_engines! {
    async fn who_waited_as_long_as_wanted_is_refused(database) {
        declare(database, &[("metal", "n[1-2].dusty")]).await;
        allocate(database, &[wanted(1, vec![of_pool("metal", 2)])]).await;
        let waits = [waiting(2, 10, vec![of_pool("metal", 1)]), waiting(3, 20, vec![of_pool("metal", 1)])];
        assert_eq!(allocate(database, &waits).await, []);
        assert_eq!(due(database, NOW + 10 * SECOND - 1).await, []);
        assert_eq!(due(database, NOW + 10 * SECOND).await, [refused(2, AllocationRefusal::WaitedInVain)]);
        assert_eq!(ends(&release(database, &[released(1, None)]).await), [got(3, &["n1.dusty"])]);
        assert_eq!(due(database, NOW + 99 * SECOND).await, []);
        // A time that is over already is no waiting.
        let late = AllocateNodes { wait_until: Some(NOW), ..wanted(4, vec![of_pool("metal", 2)]) };
        assert_eq!(allocate(database, &[late]).await, [refused(4, insufficient("metal", 2, 1, false))]);
    }

    // api/duffy.md §7: pool starvation by big requests.
    async fn small_requests_do_not_starve_a_large_one(database) {
        declare(database, &[("metal", "n[1-4].dusty"), ("cloud", "c1")]).await;
        let ones: Vec<AllocateNodes> = (1..=4).map(|number| wanted(number, vec![of_pool("metal", 1)])).collect();
        allocate(database, &ones).await;
        assert_eq!(allocate(database, &[waiting(10, 60, vec![of_pool("metal", 4)])]).await, []);
        for number in 1..=3_u32 {
            assert_eq!(ends(&release(database, &[released(number.into(), None)]).await), []);
            let small = u128::from(number) + 20;
            // Nodes are free, but not for those who come later, whether they wait or not.
            let kept = refused(small, insufficient("metal", 1, 0, false));
            assert_eq!(allocate(database, &[wanted(small, vec![of_pool("metal", 1)])]).await, [kept]);
            assert_eq!(allocate(database, &[waiting(small + 10, 60, vec![of_pool("metal", 1)])]).await, []);
        }
        // Other pools are not concerned.
        assert_eq!(allocate(database, &[wanted(50, vec![of_pool("cloud", 1)])]).await, [got(50, &["c1"])]);
        let told = ends(&release(database, &[released(4, None)]).await);
        assert_eq!(told, [got(10, &["n1.dusty", "n2.dusty", "n3.dusty", "n4.dusty"])]);
    }

    async fn what_nobody_needs_is_not_kept_back(database) {
        declare(database, &[("metal", "n[1-2].dusty"), ("cloud", "c[1-3].dusty")]).await;
        allocate(database, &[wanted(1, vec![of_pool("metal", 1)])]).await;
        let both = waiting(2, 60, vec![of_pool("metal", 2), of_pool("cloud", 2)]);
        assert_eq!(allocate(database, &[both]).await, []);
        assert_eq!(allocate(database, &[wanted(3, vec![of_pool("cloud", 1)])]).await.len(), 1);
        let kept = refused(4, insufficient("cloud", 1, 0, false));
        assert_eq!(allocate(database, &[wanted(4, vec![of_pool("cloud", 1)])]).await, [kept]);
        assert_eq!(in_state(database, NodeState::Ready).await.len(), 3);
    }

    async fn who_holds_much_goes_behind_who_holds_nothing(database) {
        declare(database, &[("metal", "n[1-4].dusty")]).await;
        allocate(database, &[wanted(1, vec![of_pool("metal", 3)])]).await;
        let other = AllocateNodes { tenant: "other".to_owned(), ..wanted(2, vec![of_pool("metal", 1)]) };
        allocate(database, &[other]).await;
        // Three nodes against one: a minute behind.
        assert_eq!(allocate(database, &[waiting(3, 600, vec![of_pool("metal", 1)])]).await, []);
        let later = |number, seconds| {
            let tenant = "other".to_owned();
            (NOW + seconds * SECOND, AllocateNodes { tenant, ..waiting(number, 600, vec![of_pool("metal", 1)]) })
        };
        for (now, command) in [later(4, 30), later(5, 100)] {
            assert_eq!(ends(&allocate_at(database, now, &[command]).await), []);
        }
        let told = ends(&release(database, &[released(2, None)]).await);
        assert_eq!(told, [got(4, &["n4.dusty"])]);
        assert_eq!(ends(&release(database, &[released(4, None)]).await), [got(3, &["n4.dusty"])]);
    }

    async fn a_project_at_its_quota_does_not_stop_others(database) {
        let quota = "[[project]]\nname = \"demo\"\nquota = { nodes = 2 }\n";
        declare_at(database, NOW, &[("metal", "n[1-5].dusty")], quota).await;
        allocate(database, &[wanted(1, vec![of_pool("metal", 2)])]).await;
        assert_eq!(allocate(database, &[waiting(2, 60, vec![of_pool("metal", 1)])]).await, []);
        let other = AllocateNodes { tenant: "other".to_owned(), ..wanted(3, vec![of_pool("metal", 3)]) };
        assert!(allocate(database, &[other]).await[0].1.is_ok());
        assert_eq!(ends(&release(database, &[released(1, None)]).await), [got(2, &["n1.dusty"])]);
    }

    async fn the_queue_is_bounded(database) {
        declare(database, &[("metal", "n[1-2].dusty")]).await;
        allocate(database, &[wanted(1, vec![of_pool("metal", 1)])]).await;
        let limit = QUEUE_LIMIT;
        let waits: Vec<AllocateNodes> = (0..=limit)
            .map(|number| waiting(10 + u128::from(number), 60, vec![of_pool("metal", 2)]))
            .collect();
        let full = refused(10 + u128::from(limit), AllocationRefusal::QueueFull { limit });
        assert_eq!(allocate(database, &waits).await, [full]);
        assert_eq!(queue(database).await.len(), limit as usize);
        // What the pools will never have is refused at once.
        let never = refused(5, insufficient("metal", 3, 1, true));
        let commands = [waiting(5, 60, vec![of_pool("metal", 3)])];
        let end = allocate(database, &commands).await;
        assert!(matches!(&end[0].1, Err(AllocationRefusal::InsufficientNodes { never: true, .. })), "{end:?} {never:?}");
    }

    async fn new_nodes_are_for_those_that_wait(database) {
        declare(database, &[("metal", "n[1-2].dusty")]).await;
        allocate(database, &[wanted(1, vec![of_pool("metal", 2)])]).await;
        assert_eq!(allocate(database, &[waiting(2, 60, vec![of_pool("metal", 1)])]).await, []);
        declare(database, &[("metal", "n[1-3].dusty")]).await;
        assert_eq!(due(database, NOW + SECOND).await, [got(2, &["n3.dusty"])]);
    }
}
