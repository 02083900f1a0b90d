use muster_contract::node_allocation::NodeState;

use super::*;
use crate::{
    domain::states::NOT_DECLARED,
    store::list_pools::list_pools,
    testing::{
        NOW, allocate, apply, declare, declare_at, got, in_state, leased, node, nodes, of_pool,
        on_both_engines, refused, release, released, wanted,
    },
};

const LATER: i64 = NOW + 60_000_000;

on_both_engines! {
    async fn what_is_declared_is_there(database) {
        let text = r#"
            [[pool]]
            name = "metal"
            version = "8-stream"
            arch = "aarch64"
            flavor = "tiny"
            fill_level = 4
            lifetime = "2h"
            [[node]]
            hostname = "n[1-2].dusty"
            pool = "metal"
            ip = "10.0.0.9"
            chassis = "dusty"
            console_port = 2000
        "#;
        apply(database, NOW, text).await;
        let pool = list_pools(database).await.unwrap().remove(0);
        assert_eq!((pool.version.as_str(), pool.architecture.as_str()), ("8-stream", "aarch64"));
        assert_eq!((pool.flavor.as_deref(), pool.fill_level), (Some("tiny"), 4));
        assert_eq!((pool.lifetime, pool.maximum_lifetime), (Some(7_200), Some(14_400)));
        assert_eq!(pool.levels, [(NodeState::Ready, 2)].into());
        let second = node(database, "n2.dusty").await;
        assert_eq!((second.ip_address.as_str(), second.console_port), ("10.0.0.10", Some(2001)));
        assert_eq!((second.used_count, second.generation, second.state_since), (0, 0, NOW));
        assert_eq!((second.version.as_str(), second.flavor.as_deref()), ("8-stream", Some("tiny")));
    }

    async fn a_second_start_changes_nothing(database) {
        declare(database, &[("metal", "n[1-3].dusty")]).await;
        allocate(database, &[wanted(1, vec![of_pool("metal", 2)])]).await;
        let before = nodes(database).await;
        declare_at(database, LATER, &[("metal", "n[1-3].dusty")], "").await;
        assert_eq!(nodes(database).await, before);
    }

    async fn a_part_without_a_site_file_changes_nothing(database) {
        declare(database, &[("metal", "n[1-3].dusty")]).await;
        let before = nodes(database).await;
        SiteNodes::of_site(&Site::default()).apply(database, Timestamp::from_micros(LATER)).await.unwrap();
        assert_eq!(nodes(database).await, before);
    }

    async fn nodes_that_are_declared_no_more_go_when_nobody_has_them(database) {
        declare(database, &[("metal", "n[1-3].dusty")]).await;
        allocate(database, &[wanted(1, vec![of_pool("metal", 1)])]).await;
        declare(database, &[("metal", "n2.dusty")]).await;
        assert_eq!(nodes(database).await.len(), 2);
        release(database, &[released(1, None)]).await;
        let gone = node(database, "n1.dusty").await;
        assert_eq!((gone.state, gone.reason.as_deref()), (NodeState::Reserved, Some(NOT_DECLARED)));
        declare(database, &[("metal", "n2.dusty")]).await;
        assert_eq!(nodes(database).await.len(), 1);
    }

    async fn a_node_that_is_declared_again_is_given_out_again(database) {
        let all = [("metal", "n[1-2].dusty")];
        declare(database, &all).await;
        allocate(database, &[wanted(1, vec![of_pool("metal", 2)])]).await;
        declare(database, &[]).await;
        release(database, &[released(1, Some(vec![(node(database, "n1.dusty").await.id, 1)]))]).await;
        // One is reserved, one is to be.
        declare(database, &all).await;
        assert_eq!(in_state(database, NodeState::Ready).await, ["n1.dusty"]);
        release(database, &[released(1, None)]).await;
        assert_eq!(in_state(database, NodeState::Ready).await.len(), 2);
    }

    // api/duffy.md §7: name re-use.
    async fn a_name_may_be_used_again_and_is_not_the_same_node(database) {
        declare(database, &[("metal", "n1.dusty")]).await;
        let old = leased(database, wanted(1, vec![of_pool("metal", 1)])).await.remove(0);
        release(database, &[released(1, Some(vec![(old.id, old.generation)]))]).await;
        declare(database, &[]).await;
        declare(database, &[("metal", "n1.dusty")]).await;
        let new = leased(database, wanted(2, vec![of_pool("metal", 1)])).await.remove(0);
        assert_ne!(new.id, old.id);
        // A late word about the old one is not about the new one.
        release(database, &[released(2, Some(vec![(old.id, old.generation)]))]).await;
        assert_eq!(node(database, "n1.dusty").await.session.as_deref(), Some("s2"));
        let history: Vec<(String, String)> = database
            .fetch_all("SELECT hostname, session FROM lease ORDER BY node", &[])
            .await
            .unwrap();
        let both = [("n1.dusty".to_owned(), "s1".to_owned()), ("n1.dusty".to_owned(), "s2".to_owned())];
        assert_eq!(history, both);
    }

    async fn a_node_may_change_its_pool_while_a_session_has_it(database) {
        declare(database, &[("metal", "n[1-2].dusty")]).await;
        allocate(database, &[wanted(1, vec![of_pool("metal", 1)])]).await;
        declare(database, &[("cloud", "n[1-2].dusty")]).await;
        assert_eq!(node(database, "n1.dusty").await.session.as_deref(), Some("s1"));
        release(database, &[released(1, None)]).await;
        assert_eq!(allocate(database, &[wanted(2, vec![of_pool("cloud", 2)])]).await, [got(2, &["n2.dusty", "n1.dusty"])]);
    }

    async fn quotas_come_and_go(database) {
        use muster_contract::node_allocation::AllocationRefusal;
        let quota = "[[project]]\nname = \"demo\"\nquota = { nodes = 1 }\n";
        let all = [("metal", "n[1-3].dusty")];
        declare_at(database, NOW, &all, quota).await;
        let two = || vec![of_pool("metal", 2)];
        let exceeded = AllocationRefusal::QuotaExceeded { quota: 1, held: 0, wanted: 2 };
        assert_eq!(allocate(database, &[wanted(1, two())]).await, [refused(1, exceeded)]);
        declare_at(database, NOW, &all, "[[project]]\nname = \"demo\"\n").await;
        assert!(allocate(database, &[wanted(2, two())]).await[0].1.is_ok());
        // Less than what it holds takes nothing from it.
        declare_at(database, NOW, &all, quota).await;
        let exceeded = AllocationRefusal::QuotaExceeded { quota: 1, held: 2, wanted: 1 };
        assert_eq!(allocate(database, &[wanted(3, vec![of_pool("metal", 1)])]).await, [refused(3, exceeded)]);
        release(database, &[released(2, None)]).await;
    }
}
