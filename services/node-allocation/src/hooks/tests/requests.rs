//! What requests get whose nodes have to be prepared first.

use super::*;

on_both_engines! {
    async fn a_request_waits_while_its_nodes_are_installed(database) {
        let settings = format!("fill_level = 1\n{ALL}");
        let mut site = Played::start(database, &settings, "n[1-4].dusty").await;
        site.tick().await;
        assert_eq!(site.take_orders(), [("n1.dusty".to_owned(), Provision, 1)]);
        // Nothing is ready, but there are nodes.
        site.allocate(waiting(1, 3_000, vec![of_pool("metal", 2)])).await;
        site.tick().await;
        // Two for the request and one to be ready.
        assert_eq!(site.take_orders(), [("n2.dusty".to_owned(), Provision, 1), ("n3.dusty".to_owned(), Provision, 1)]);
        site.tick().await;
        assert_eq!(site.take_orders(), []);
    }

    // api/duffy.md §7: the same node is not always tried first.
    async fn a_node_that_cannot_be_prepared_is_replaced_within_the_request(database) {
        let mut site = Played::start(database, CONTEXTUALIZE, "n[1-3].dusty").await;
        site.allocate(wanted(1, vec![of_pool("metal", 2)])).await;
        site.succeed("n1.dusty", Contextualize).await;
        site.fail("n2.dusty", Contextualize).await;
        let node = site.node("n2.dusty").await;
        assert_eq!((node.state, node.session, node.reason.as_deref()), (NodeState::Quarantined, None, Some("no route to host")));
        assert_eq!(site.take_ends(), []);
        site.succeed("n3.dusty", Contextualize).await;
        assert_eq!(site.take_ends(), [got(1, &["n1.dusty", "n3.dusty"])]);
        site.pass(3_600);
        site.tick().await;
        assert_eq!(site.in_state(NodeState::Ready).await, ["n2.dusty"]);
    }

    // api/duffy.md §7: partial allocation.
    async fn a_request_without_another_node_is_refused_and_gives_back_the_others(database) {
        let settings = "hooks = { agent = \"provisioner\", contextualize = \"2m\", deprovision = \"10m\", attempts = 2 }";
        let mut site = Played::start(database, settings, "n[1-2].dusty").await;
        site.allocate(wanted(1, vec![of_pool("metal", 2)])).await;
        site.succeed("n1.dusty", Contextualize).await;
        site.fail("n2.dusty", Contextualize).await;
        assert_eq!(site.take_ends(), [failed(1, "n2.dusty")]);
        // It was prepared for the session, so it is wiped.
        assert_eq!(site.in_state(NodeState::Deprovisioning).await, ["n1.dusty"]);
        site.succeed("n1.dusty", Deprovision).await;
        assert_eq!(site.in_state(NodeState::Ready).await, ["n1.dusty"]);
        // So is the other when its quarantine is over.
        site.pass(3_600);
        site.tick().await;
        site.succeed("n2.dusty", Deprovision).await;
        assert_eq!(site.in_state(NodeState::Ready).await.len(), 2);
    }

    async fn not_more_nodes_are_tried_in_one_place_than_there_are_attempts(database) {
        let mut site = Played::start(database, CONTEXTUALIZE, "n[1-9].dusty").await;
        site.allocate(wanted(1, vec![of_pool("metal", 1)])).await;
        for host in ["n1.dusty", "n2.dusty"] {
            site.fail(host, Contextualize).await;
            assert_eq!(site.take_ends(), []);
        }
        site.fail("n3.dusty", Contextualize).await;
        assert_eq!(site.take_ends(), [failed(1, "n3.dusty")]);
        assert_eq!(site.in_state(NodeState::Quarantined).await.len(), 3);
        assert_eq!(site.in_state(NodeState::Ready).await.len(), 6);
    }

    async fn who_has_time_waits_for_another_node(database) {
        let mut site = Played::start(database, CONTEXTUALIZE, "n[1-2].dusty").await;
        site.allocate(wanted(1, vec![of_pool("metal", 1)])).await;
        site.succeed("n1.dusty", Contextualize).await;
        site.allocate(waiting(2, 600, vec![of_pool("metal", 1)])).await;
        site.allocate(waiting(3, 600, vec![of_pool("metal", 1)])).await;
        site.take_ends();
        site.fail("n2.dusty", Contextualize).await;
        site.tick().await;
        assert_eq!(site.take_ends(), []);
        // It came before the other that waits.
        site.release(1, None).await;
        site.succeed("n1.dusty", Contextualize).await;
        assert_eq!(site.take_ends(), [got(2, &["n1.dusty"])]);
        site.pass(600);
        site.tick().await;
        assert_eq!(site.take_ends(), [refused(3, AllocationRefusal::WaitedInVain)]);
    }

    async fn who_waited_in_vain_for_another_node_gives_back_the_rest(database) {
        let mut site = Played::start(database, CONTEXTUALIZE, "n[1-2].dusty").await;
        site.allocate(waiting(1, 600, vec![of_pool("metal", 2)])).await;
        site.succeed("n1.dusty", Contextualize).await;
        site.fail("n2.dusty", Contextualize).await;
        site.pass(599);
        site.tick().await;
        assert_eq!(site.take_ends(), []);
        assert_eq!(site.in_state(NodeState::Deployed).await, ["n1.dusty"]);
        site.pass(1);
        site.tick().await;
        assert_eq!(site.take_ends(), [refused(1, AllocationRefusal::WaitedInVain)]);
        assert_eq!(site.in_state(NodeState::Ready).await, ["n1.dusty"]);
    }

    async fn what_a_request_can_do_without_does_not_fail_it(database) {
        let mut site = Played::start(database, CONTEXTUALIZE, "n[1-3].dusty").await;
        let mut demand = of_pool("metal", 1);
        demand.maximum = 3;
        site.allocate(wanted(1, vec![demand])).await;
        site.fail("n2.dusty", Contextualize).await;
        site.succeed("n3.dusty", Contextualize).await;
        site.succeed("n1.dusty", Contextualize).await;
        assert_eq!(site.take_ends(), [got(1, &["n1.dusty", "n3.dusty"])]);
    }

    // A hook that still runs for one session would spoil the node for the next.
    async fn a_node_given_back_while_it_is_prepared_waits_for_that_to_end(database) {
        let mut site = Played::start(database, CONTEXTUALIZE, "n[1-2].dusty").await;
        for end in [true, false] {
            let number = u128::from(end) + 1;
            site.allocate(wanted(number, vec![of_pool("metal", 2)])).await;
            site.release(number, None).await;
            assert_eq!(site.take_ends(), [refused(number, AllocationRefusal::Cancelled)]);
            assert_eq!(site.in_state(NodeState::Deprovisioning).await.len(), 2);
            site.succeed("n1.dusty", Contextualize).await;
            if end {
                site.fail("n2.dusty", Contextualize).await;
            } else {
                site.pass(130);
                site.tick().await;
            }
            assert_eq!(site.in_state(NodeState::Ready).await.len(), 2);
        }
    }

    async fn a_hold_keeps_what_the_session_has_and_gives_back_what_is_prepared(database) {
        let mut site = Played::start(database, CONTEXTUALIZE, "n[1-2].dusty").await;
        site.allocate(wanted(1, vec![of_pool("metal", 1)])).await;
        site.succeed("n1.dusty", Contextualize).await;
        let mut grow = wanted(2, vec![of_pool("metal", 1)]);
        grow.session = "s1".to_owned();
        site.allocate(grow).await;
        site.take_ends();
        site.hold(1).await;
        assert_eq!(site.take_ends(), [refused(2, AllocationRefusal::Cancelled)]);
        assert_eq!(site.in_state(NodeState::Held).await, ["n1.dusty"]);
        site.succeed("n2.dusty", Contextualize).await;
        assert_eq!(site.in_state(NodeState::Ready).await, ["n2.dusty"]);
        site.release(1, None).await;
        assert_eq!(site.in_state(NodeState::Ready).await.len(), 2);
    }

    async fn a_cancelled_request_gives_back_what_it_has(database) {
        let mut site = Played::start(database, CONTEXTUALIZE, "n[1-2].dusty").await;
        site.allocate(waiting(1, 60, vec![of_pool("metal", 2)])).await;
        site.succeed("n1.dusty", Contextualize).await;
        site.cancel(1).await;
        assert_eq!(site.take_ends(), [refused(1, AllocationRefusal::Cancelled)]);
        assert_eq!(site.in_state(NodeState::Ready).await, ["n1.dusty"]);
        site.succeed("n2.dusty", Contextualize).await;
        assert_eq!(site.in_state(NodeState::Ready).await.len(), 2);
    }

    async fn a_command_that_comes_twice_is_not_granted_twice(database) {
        let mut site = Played::start(database, CONTEXTUALIZE, "n[1-2].dusty").await;
        let command = wanted(1, vec![of_pool("metal", 1)]);
        site.allocate(command.clone()).await;
        site.allocate(command).await;
        assert_eq!(site.in_state(NodeState::Contextualizing).await, ["n1.dusty"]);
        site.succeed("n1.dusty", Contextualize).await;
        assert_eq!(site.take_ends(), [got(1, &["n1.dusty"])]);
    }
}
