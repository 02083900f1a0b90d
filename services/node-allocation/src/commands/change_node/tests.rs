use muster_storage::Database;

use super::*;
use crate::testing::{
    NOW, allocate, apply, at, declare, ends, got, in_state, node as find, of_pool, on_both_engines,
    release, released, waiting, wanted,
};

async fn change(
    database: &Database,
    hostname: &str,
    change: NodeChange,
) -> (Result<Node, ChangeNodeRefusal>, Vec<Told>) {
    let mut transaction = database.begin().await.unwrap();
    let command = ChangeNode {
        hostname: hostname.to_owned(),
        change,
        reason: Some("because".to_owned()),
    };
    let (mut results, told) = change_nodes(&mut transaction, at(NOW), &[&command])
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    (results.remove(0), told)
}

fn add(pool: &str) -> NodeChange {
    NodeChange::Add {
        pool: pool.to_owned(),
        ip_address: "10.0.0.1".to_owned(),
        chassis: "dusty".to_owned(),
        console_port: Some(7),
    }
}

fn put(state: NodeState) -> NodeChange {
    NodeChange::SetState { state }
}

on_both_engines! {
    async fn nodes_are_added_and_stay_when_the_site_changes(database) {
        declare(database, &[("metal", "n1.dusty")]).await;
        let added = change(database, "n2.dusty", add("metal")).await.0.unwrap();
        assert_eq!((added.state, added.pool.as_str(), added.ip_address.as_str()), (NodeState::Ready, "metal", "10.0.0.1"));
        assert_eq!((added.chassis.as_str(), added.console_port), ("dusty", Some(7)));
        let other = || ChangeNodeRefusal::AmbiguousName { other: "n2.dusty".to_owned() };
        for name in ["n2.dusty", "n2", "xn2.dusty"] {
            assert_eq!(change(database, name, add("metal")).await.0, Err(other()), "{name}");
        }
        for name in ["", "N3", "n%", "n_3", "n\0"] {
            let refusal = change(database, name, add("metal")).await.0.unwrap_err();
            let refused = matches!(refusal, ChangeNodeRefusal::InvalidName | ChangeNodeRefusal::AmbiguousName { .. });
            assert!(refused, "{name:?}: {refusal:?}");
        }
        let pool = "nowhere".to_owned();
        assert_eq!(change(database, "n3.dusty", add("nowhere")).await.0, Err(ChangeNodeRefusal::UnknownPool { pool }));
        declare(database, &[]).await;
        assert_eq!(in_state(database, NodeState::Ready).await, ["n2.dusty"]);
        // A pool that a node is in stays too.
        apply(database, NOW, "[[pool]]\nname = \"x\"\nversion = \"1\"\narch = \"y\"\n").await;
        assert_eq!(find(database, "n2.dusty").await.pool, "metal");
    }

    async fn an_added_node_is_for_whoever_waits(database) {
        declare(database, &[("metal", "n[1-2].dusty")]).await;
        allocate(database, &[wanted(1, vec![of_pool("metal", 2)])]).await;
        assert_eq!(allocate(database, &[waiting(2, 60, vec![of_pool("metal", 1)])]).await, []);
        let (added, told) = change(database, "n3.dusty", add("metal")).await;
        assert_eq!(added.unwrap().state, NodeState::Ready);
        assert_eq!(ends(&told), [got(2, &["n3.dusty"])]);
    }

    async fn states_are_set_while_no_session_has_the_node(database) {
        declare(database, &[("metal", "n[1-2].dusty")]).await;
        for state in [NodeState::Reserved, NodeState::Failed, NodeState::Unused, NodeState::Ready] {
            let changed = change(database, "n1.dusty", put(state)).await.0.unwrap();
            assert_eq!((changed.state, changed.reason.as_deref()), (state, Some("because")));
        }
        for state in [NodeState::Deployed, NodeState::Held, NodeState::Provisioning] {
            let refused = ChangeNodeRefusal::WrongState { state };
            assert_eq!(change(database, "n1.dusty", put(state)).await.0, Err(refused));
        }
        assert_eq!(change(database, "n9", put(NodeState::Ready)).await.0, Err(ChangeNodeRefusal::UnknownNode));
        allocate(database, &[wanted(1, vec![of_pool("metal", 2)])]).await;
        let session = "s1".to_owned();
        assert_eq!(change(database, "n1.dusty", put(NodeState::Ready)).await.0, Err(ChangeNodeRefusal::InUse { session }));
    }

    async fn a_drained_node_is_not_given_out_again(database) {
        declare(database, &[("metal", "n[1-2].dusty")]).await;
        allocate(database, &[wanted(1, vec![of_pool("metal", 1)])]).await;
        let drained = change(database, "n1.dusty", NodeChange::Drain).await.0.unwrap();
        assert_eq!((drained.state, drained.session.as_deref()), (NodeState::Deployed, Some("s1")));
        let drained = change(database, "n2.dusty", NodeChange::Drain).await.0.unwrap();
        assert_eq!((drained.state, drained.session), (NodeState::Reserved, None));
        assert_eq!(change(database, "n9", NodeChange::Drain).await.0, Err(ChangeNodeRefusal::UnknownNode));
        release(database, &[released(1, None)]).await;
        let reserved = find(database, "n1.dusty").await;
        assert_eq!((reserved.state, reserved.reason.as_deref()), (NodeState::Reserved, Some("because")));
        change(database, "n1.dusty", put(NodeState::Ready)).await.0.unwrap();
        assert_eq!(allocate(database, &[wanted(2, vec![of_pool("metal", 1)])]).await, [got(2, &["n1.dusty"])]);
        // It is drained no more.
        release(database, &[released(2, None)]).await;
        assert_eq!(in_state(database, NodeState::Ready).await, ["n1.dusty"]);
    }
}
