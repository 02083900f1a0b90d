use muster_contract::session::{DeleteBackupClient, ListBackupClients};
use serde_json::{Value, json};

use super::*;
use crate::{
    job_sessions::documents_world::{
        World, all_clients, ids, map, matching, node, on_both_engines,
    },
    testing::{admin, alice, bob},
};

async fn seen_by(world: &World, tenant: &str) -> Vec<Value> {
    let question = ListBackupClients {
        tenant: Some(tenant.to_owned()),
        ..all_clients()
    };
    world.clients(&question).await
}

fn delete(tenant: &str, id: &str) -> DeleteBackupClient {
    DeleteBackupClient {
        tenant: tenant.to_owned(),
        client_id: id.to_owned(),
    }
}

on_both_engines! {
    async fn a_client_is_registered_once(world) {
        let alice = alice();
        assert_eq!(world.client(&alice, node()).await.unwrap().id, "node");
        let again = json!({"client_id": "node", "hostname": "elsewhere", "description": "new", "supported_modes": ["fs"]});
        assert_eq!(world.client(&alice, again).await.unwrap().id, "node");
        let clients = seen_by(world, "demo").await;
        assert_eq!(clients.len(), 1);
        let client = &clients[0]["client"];
        assert_eq!((&clients[0]["project_id"], &clients[0]["user_id"]), (&json!("demo"), &json!("alice")));
        assert_eq!((&client["client_id"], &client["hostname"], &client["description"]), (&json!("node"), &json!("node"), &json!("new")));
        assert_eq!((&client["supported_modes"], &client["is_central"]), (&json!(["fs"]), &json!(false)));
        assert_eq!(client["uuid"].as_str().unwrap().len(), 32);
        // Its id is its project's.
        assert_eq!(world.client(&bob(), node()).await.unwrap().id, "node");
        assert_eq!(seen_by(world, "demo").await, clients);
        // Twice in one batch, and one that is none.
        let command = |document: Value| RegisterBackupClient { tenant: "demo".to_owned(), document: map(document) };
        let batch = [
            (&alice, command(json!({"client_id": "twin"}))),
            (&alice, command(json!({"client_id": "no name"}))),
            (&alice, command(json!({"client_id": "twin", "description": "second"}))),
        ];
        let results = world.register(&batch).await;
        assert!(results[0].is_ok() && results[2].is_ok());
        assert!(matches!(results[1], Err(DocumentRefusal::Invalid { .. })));
        let clients = seen_by(world, "demo").await;
        assert_eq!((clients.len(), &clients[1]["client"]["description"]), (2, &json!("second")));
    }

    async fn a_central_client_is_seen_by_all_and_registered_by_administrators(world) {
        let (alice, admin) = (alice(), admin());
        let central = || json!({"client_id": "central", "hostname": "central", "is_central": true});
        let refused = world.client(&alice, central()).await;
        assert!(matches!(refused, Err(DocumentRefusal::Forbidden { .. })));
        world.client(&alice, node()).await.unwrap();
        world.client(&admin, central()).await.unwrap();
        let names = async |tenant: &str| {
            let clients = seen_by(world, tenant).await;
            clients.iter().map(|client| client["client"]["client_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names("demo").await, ["node", "central"]);
        assert_eq!(names("other").await, ["central"]);
        // Nobody takes its name, nor deletes it.
        let refused = world.client(&alice, json!({"client_id": "central"})).await;
        assert_eq!(refused, Err(DocumentRefusal::Exists { id: "central".to_owned() }));
        let refused = world.delete_clients(&[(&alice, delete("demo", "central"))]).await.remove(0);
        assert!(matches!(refused, Err(DocumentRefusal::Forbidden { .. })));
        let deleted = world.delete_clients(&[
            (&admin, delete("operators", "central")),
            (&alice, delete("demo", "node")),
            (&alice, delete("demo", "node")),
            (&alice, delete("demo", "a\0b")),
        ]).await;
        let existed: Vec<bool> = deleted.into_iter().map(|deleted| deleted.unwrap().existed).collect();
        assert_eq!(existed, [true, true, false, false]);
        assert!(world.clients(&all_clients()).await.is_empty());
    }

    async fn one_is_found_by_its_name(world) {
        let (alice, admin) = (alice(), admin());
        world.client(&bob(), node()).await.unwrap();
        let central = json!({"client_id": "node", "hostname": "x", "is_central": true});
        world.client(&admin, central).await.unwrap();
        let one = |tenant: &str| ListBackupClients {
            tenant: Some(tenant.to_owned()),
            client_id: Some("node".to_owned()),
            limit: 1,
            ..all_clients()
        };
        assert_eq!(ids(&world.clients(&one("other")).await, "project_id"), ["other"]);
        assert_eq!(ids(&world.clients(&one("demo")).await, "project_id"), ["operators"]);
        let hostname = ListBackupClients {
            tenant: Some(alice.project.clone()),
            filter: matching(&[("hostname", json!("x"))]),
            ..all_clients()
        };
        assert_eq!(ids(&world.clients(&hostname).await, "project_id"), ["operators"]);
    }
}
