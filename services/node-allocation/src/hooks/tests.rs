mod requests;

use muster_contract::{
    agent::NodeHook::{Contextualize, Deprovision, Provision},
    node_allocation::{AllocationRefusal, NodeState},
};

use super::testing::{Played, failure};
use crate::testing::{got, insufficient, of_pool, on_both_engines, refused, waiting, wanted};

const ALL: &str = "hooks = { agent = \"provisioner\", provision = \"30m\", contextualize = \"2m\", deprovision = \"10m\" }\n\
     quarantine = \"1h\"\n";
const CONTEXTUALIZE: &str = "hooks = { agent = \"provisioner\", contextualize = \"2m\", attempts = 2 }\nquarantine = \"1h\"\n";
const DEPROVISION: &str = "hooks = { agent = \"provisioner\", deprovision = \"10m\", attempts = 2 }\nquarantine = \"1h\"\n";

fn failed(number: u128, hostname: &str) -> crate::testing::End {
    let reason = AllocationRefusal::ContextualizationFailed {
        hostname: hostname.to_owned(),
        reason: "no route to host".to_owned(),
    };
    refused(number, reason)
}

on_both_engines! {
    async fn a_node_passes_every_hook(database) {
        let mut site = Played::start(database, ALL, "n1.dusty").await;
        assert_eq!(site.in_state(NodeState::Unused).await, ["n1.dusty"]);
        site.tick().await;
        let (agent, order) = site.order("n1.dusty", Provision);
        assert_eq!((agent.as_str(), order.attempt, order.node.pool.as_str()), ("provisioner", 1, "metal"));
        assert_eq!(order.deadline, site.now + 1_800_000_000);
        assert_eq!((order.session, order.tenant), (None, None));
        assert_eq!(site.in_state(NodeState::Provisioning).await, ["n1.dusty"]);
        site.succeed("n1.dusty", Provision).await;
        assert_eq!(site.in_state(NodeState::Ready).await, ["n1.dusty"]);

        site.allocate(wanted(1, vec![of_pool("metal", 1)])).await;
        assert_eq!(site.take_ends(), []);
        let node = site.node("n1.dusty").await;
        assert_eq!((node.state, node.session.as_deref()), (NodeState::Contextualizing, Some("s1")));
        let (_, order) = site.order("n1.dusty", Contextualize);
        assert_eq!((order.session.as_deref(), order.tenant.as_deref(), order.node.generation), (Some("s1"), Some("demo"), 1));
        site.succeed("n1.dusty", Contextualize).await;
        assert_eq!(site.take_ends(), [got(1, &["n1.dusty"])]);
        assert_eq!(site.in_state(NodeState::Deployed).await, ["n1.dusty"]);

        site.release(1, None).await;
        let (_, order) = site.order("n1.dusty", Deprovision);
        assert_eq!((order.session.as_deref(), order.tenant.as_deref()), (Some("s1"), Some("demo")));
        let node = site.node("n1.dusty").await;
        assert_eq!((node.state, node.session), (NodeState::Deprovisioning, None));
        site.succeed("n1.dusty", Deprovision).await;
        assert_eq!(site.in_state(NodeState::Unused).await, ["n1.dusty"]);
        site.tick().await;
        site.succeed("n1.dusty", Provision).await;
        assert_eq!(site.in_state(NodeState::Ready).await, ["n1.dusty"]);
    }

    async fn without_a_fill_level_all_are_installed(database) {
        let mut site = Played::start(database, ALL, "n[1-4].dusty").await;
        let pools = crate::store::list_pools::list_pools(database).await.unwrap();
        assert_eq!(pools[0].fill_level, 4);
        site.tick().await;
        assert_eq!(site.in_state(NodeState::Provisioning).await.len(), 4);
    }

    async fn what_fails_is_tried_again_then_set_aside_then_given_up(database) {
        let mut site = Played::start(database, ALL, "n1.dusty").await;
        for quarantine in 1..=4 {
            for attempt in 1..=3 {
                site.tick().await;
                let (_, order) = site.order("n1.dusty", Provision);
                assert_eq!(order.attempt, attempt, "in round {quarantine}");
                site.fail("n1.dusty", Provision).await;
                // Not before its pause is over.
                site.orders.clear();
                site.pass(59 * i64::from(attempt));
                site.tick().await;
                assert_eq!(site.take_orders(), []);
                site.pass(i64::from(attempt));
            }
            let node = site.node("n1.dusty").await;
            let state = if quarantine < 4 { NodeState::Quarantined } else { NodeState::Failed };
            assert_eq!((node.state, node.reason.as_deref()), (state, Some("no route to host")));
            site.pass(3_600);
            site.tick().await;
        }
        assert_eq!(site.in_state(NodeState::Failed).await, ["n1.dusty"]);
        // An operator has looked at it.
        site.put("n1.dusty", NodeState::Unused).await.unwrap();
        site.tick().await;
        site.succeed("n1.dusty", Provision).await;
        assert_eq!(site.in_state(NodeState::Ready).await, ["n1.dusty"]);
    }

    async fn what_could_not_be_wiped_is_not_given_out(database) {
        let mut site = Played::start(database, DEPROVISION, "n1.dusty").await;
        site.allocate(wanted(1, vec![of_pool("metal", 1)])).await;
        assert_eq!(site.take_ends(), [got(1, &["n1.dusty"])]);
        site.release(1, None).await;
        // The first attempt fails, nothing is heard of the second.
        site.fail("n1.dusty", Deprovision).await;
        site.pass(60);
        site.tick().await;
        assert_eq!(site.order("n1.dusty", Deprovision).1.attempt, 2);
        site.pass(609);
        site.tick().await;
        assert_eq!(site.in_state(NodeState::Deprovisioning).await, ["n1.dusty"]);
        site.pass(1);
        site.tick().await;
        let node = site.node("n1.dusty").await;
        assert_eq!((node.state, node.reason.as_deref()), (NodeState::Quarantined, Some("agent provisioner did not answer in time")));
        site.allocate(wanted(2, vec![of_pool("metal", 1)])).await;
        assert_eq!(site.take_ends(), [refused(2, insufficient("metal", 1, 0, false))]);
        site.pass(3_600);
        site.tick().await;
        assert_eq!(site.order("n1.dusty", Deprovision).1.attempt, 1);
        site.succeed("n1.dusty", Deprovision).await;
        assert_eq!(site.in_state(NodeState::Ready).await, ["n1.dusty"]);
    }

    async fn an_agent_that_says_nothing_is_not_the_nodes_fault(database) {
        let mut site = Played::start(database, CONTEXTUALIZE, "n[1-3].dusty").await;
        site.allocate(waiting(1, 6_000, vec![of_pool("metal", 2)])).await;
        site.succeed("n1.dusty", Contextualize).await;
        site.pass(129);
        site.tick().await;
        assert_eq!(site.take_ends(), []);
        site.pass(1);
        site.tick().await;
        let agent = "provisioner".to_owned();
        assert_eq!(site.take_ends(), [refused(1, AllocationRefusal::AgentSilent { agent })]);
        assert_eq!(site.in_state(NodeState::Ready).await.len(), 3);
    }

    async fn a_late_report_and_one_of_another_agent_change_nothing(database) {
        let mut site = Played::start(database, CONTEXTUALIZE, "n1.dusty").await;
        site.allocate(wanted(1, vec![of_pool("metal", 1)])).await;
        let (agent, order) = site.order("n1.dusty", Contextualize);
        site.report("somebody", &order, failure()).await;
        assert_eq!(site.in_state(NodeState::Contextualizing).await, ["n1.dusty"]);
        site.pass(130);
        site.tick().await;
        site.allocate(wanted(2, vec![of_pool("metal", 1)])).await;
        site.take_ends();
        // Of the order that was given up, while another lives.
        site.report(&agent, &order, failure()).await;
        assert_eq!(site.in_state(NodeState::Contextualizing).await, ["n1.dusty"]);
        site.succeed("n1.dusty", Contextualize).await;
        assert_eq!(site.take_ends(), [got(2, &["n1.dusty"])]);
        // The same once more.
        site.succeed("n1.dusty", Contextualize).await;
        assert_eq!(site.take_ends(), []);
    }

    async fn an_operator_ends_what_an_agent_does(database) {
        let mut site = Played::start(database, ALL, "n[1-2].dusty").await;
        site.tick().await;
        site.put("n1.dusty", NodeState::Reserved).await.unwrap();
        site.succeed("n1.dusty", Provision).await;
        assert_eq!(site.in_state(NodeState::Reserved).await, ["n1.dusty"]);
        // The operator knows that it is installed.
        site.put("n1.dusty", NodeState::Ready).await.unwrap();
        site.allocate(wanted(1, vec![of_pool("metal", 1)])).await;
        site.succeed("n1.dusty", Contextualize).await;
        site.release(1, None).await;
        // But it has been used: it is wiped before it is free.
        for state in [NodeState::Failed, NodeState::Ready] {
            site.put("n1.dusty", state).await.unwrap();
        }
        assert_eq!(site.in_state(NodeState::Deprovisioning).await, ["n1.dusty"]);
        site.orders.clear();
        site.tick().await;
        site.succeed("n1.dusty", Deprovision).await;
        assert_eq!(site.in_state(NodeState::Unused).await, ["n1.dusty"]);
    }

    async fn a_drained_node_is_reserved_as_it_is_and_wiped_before_it_is_free(database) {
        use muster_contract::node_allocation::NodeChange;
        let mut site = Played::start(database, DEPROVISION, "n1.dusty").await;
        site.allocate(wanted(1, vec![of_pool("metal", 1)])).await;
        site.change("n1.dusty", NodeChange::Drain).await.unwrap();
        site.release(1, None).await;
        assert_eq!(site.in_state(NodeState::Reserved).await, ["n1.dusty"]);
        assert_eq!(site.take_orders(), []);
        site.put("n1.dusty", NodeState::Ready).await.unwrap();
        site.tick().await;
        site.succeed("n1.dusty", Deprovision).await;
        assert_eq!(site.in_state(NodeState::Ready).await, ["n1.dusty"]);
    }

    async fn free_nodes_that_are_too_old_are_installed_anew_but_not_all_at_once(database) {
        let settings = format!("maximum_ready_age = \"24h\"\n{ALL}");
        let mut site = Played::start(database, &settings, "n[1-4].dusty").await;
        site.tick().await;
        for host in ["n1.dusty", "n2.dusty", "n3.dusty", "n4.dusty"] {
            site.succeed(host, Provision).await;
        }
        site.orders.clear();
        site.pass(24 * 3_600 - 1);
        site.renew().await;
        assert_eq!(site.take_orders(), []);
        site.pass(1);
        for pair in [["n1.dusty", "n2.dusty"], ["n3.dusty", "n4.dusty"]] {
            site.renew().await;
            site.renew().await;
            assert_eq!(site.in_state(NodeState::Provisioning).await, pair);
            for host in pair {
                site.succeed(host, Provision).await;
            }
        }
        site.renew().await;
        assert_eq!(site.in_state(NodeState::Ready).await.len(), 4);
    }

    async fn hooks_may_come_and_go_while_nodes_are_in_use(database) {
        let mut site = Played::start(database, "", "n[1-2].dusty").await;
        site.allocate(wanted(1, vec![of_pool("metal", 1)])).await;
        site.declare(DEPROVISION, "n[1-2].dusty").await;
        site.release(1, None).await;
        assert_eq!(site.in_state(NodeState::Deprovisioning).await, ["n1.dusty"]);
        site.fail("n1.dusty", Deprovision).await;
        // The pool does without it: so does the node that was to be tried again.
        site.declare("", "n[1-2].dusty").await;
        site.pass(60);
        site.tick().await;
        assert_eq!(site.in_state(NodeState::Ready).await.len(), 2);
    }

    async fn an_agent_is_not_given_more_than_it_comes_through_in_time(database) {
        let mut site = Played::start(database, ALL, "n[01-20].dusty").await;
        site.tick().await;
        let at_hand = site.orders.clone();
        assert_eq!(site.take_orders().len(), 16);
        site.pass(5);
        site.tick().await;
        assert_eq!(site.take_orders(), []);
        for (agent, order) in &at_hand[..3] {
            site.report(agent, order, muster_contract::agent::HookResult::Succeeded).await;
        }
        // Whoever waits for a node does not wait for that.
        site.allocate(wanted(1, vec![of_pool("metal", 1)])).await;
        assert_eq!(site.order("n01.dusty", Contextualize).1.attempt, 1);
        site.orders.clear();
        site.pass(5);
        site.tick().await;
        let hosts: Vec<String> = site.take_orders().into_iter().map(|(host, ..)| host).collect();
        assert_eq!(hosts, ["n17.dusty", "n18.dusty", "n19.dusty"]);
    }

    async fn each_node_may_have_its_own_agent(database) {
        crate::testing::apply(database, crate::testing::NOW, "[[agent]]\nname = \"n[1-2].dusty\"\n\
            [[pool]]\nname = \"metal\"\nversion = \"7\"\narch = \"x86_64\"\nhooks = { agent = \"{hostname}\", provision = \"1m\" }\n\
            [[node]]\nhostname = \"n[1-2].dusty\"\npool = \"metal\"\n").await;
        let mut site = Played { database, now: crate::testing::NOW, orders: vec![], ends: vec![] };
        site.tick().await;
        assert_eq!(site.order("n2.dusty", Provision).0, "n2.dusty");
    }
}
