use muster_contract::node_allocation::{Node, NodeState};

use super::*;
use crate::testing::{allocate, declare, of_pool, on_both_engines, wanted};

async fn names(database: &Database, question: ListNodes) -> Vec<String> {
    let handler = ListNodesHandler(database.clone());
    let answer = handler.answer(Asked {
        body: question,
        principal: None,
    });
    match answer.await.unwrap() {
        Outcome::Done(NodePage { nodes }) => {
            assert!(nodes.is_sorted_by_key(|node: &Node| node.id));
            nodes.into_iter().map(|node| node.hostname).collect()
        }
        Outcome::Refused(never) => match never {},
    }
}

on_both_engines! {
    async fn nodes_are_listed_by_what_they_are(database) {
        declare(database, &[("metal", "n[1-3].dusty"), ("cloud", "c1")]).await;
        allocate(database, &[wanted(1, vec![of_pool("metal", 2)])]).await;
        let all = ListNodes::default;
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(names(database, all()).await.len(), 4);
        assert_eq!(names(database, ListNodes { tenant: text("demo"), ..all() }).await, ["n1.dusty", "n2.dusty"]);
        assert_eq!(names(database, ListNodes { session: text("s1"), ..all() }).await, ["n1.dusty", "n2.dusty"]);
        assert_eq!(names(database, ListNodes { session: text("s2"), ..all() }).await, [""; 0]);
        assert_eq!(names(database, ListNodes { pool: text("cloud"), ..all() }).await, ["c1"]);
        assert_eq!(names(database, ListNodes { pool: text("nowhere"), ..all() }).await, [""; 0]);
        let states = vec![NodeState::Ready, NodeState::Failed, NodeState::Ready];
        assert_eq!(names(database, ListNodes { states, ..all() }).await, ["n3.dusty", "c1"]);
        assert_eq!(names(database, ListNodes { tenant: text("a\0b"), ..all() }).await, [""; 0]);
        let page = ListNodes { limit: Some(2), ..all() };
        assert_eq!(names(database, page.clone()).await, ["n1.dusty", "n2.dusty"]);
        let second = crate::testing::node(database, "n2.dusty").await.id;
        assert_eq!(names(database, ListNodes { after: second, ..page }).await, ["n3.dusty", "c1"]);
        assert_eq!(names(database, ListNodes { id: Some(second), ..all() }).await, ["n2.dusty"]);
    }

    async fn whatever_an_operator_writes_a_list_can_be_read(database) {
        use crate::commands::change_node::change_nodes;
        use muster_contract::node_allocation::{ChangeNode, NodeChange};
        declare(database, &[("metal", "n1.dusty")]).await;
        let add = ChangeNode {
            hostname: "n2.dusty".to_owned(),
            change: NodeChange::Add {
                pool: "metal".to_owned(),
                ip_address: "10.0.0.1\u{1f}x".to_owned(),
                chassis: "a\0b|c".to_owned(),
                console_port: None,
            },
            reason: Some("bro\u{1f}ken\n'\"".to_owned()),
        };
        let mut transaction = database.begin().await.unwrap();
        let (mut results, _) = change_nodes(&mut transaction, crate::testing::at(crate::testing::NOW), &[&add]).await.unwrap();
        transaction.commit().await.unwrap();
        let added = results.remove(0).unwrap();
        assert_eq!((added.ip_address.as_str(), added.chassis.as_str()), ("10.0.0.1x", "ab|c"));
        assert_eq!((added.reason.as_deref(), added.console_port), (Some("broken'\""), None));
        assert_eq!(crate::testing::node(database, "n2.dusty").await, added);
    }
}
