use muster_contract::session::{DeleteBackup, ListBackups};
use serde_json::{Value, json};

use super::*;
use crate::{
    job_sessions::documents_world::{all_actions, all_backups, map, matching, on_both_engines},
    testing::{alice, bob},
};

fn described(name: &str) -> Value {
    json!({"backup_name": name, "container": "c", "hostname": "h"})
}

on_both_engines! {
    async fn backups_are_kept_patched_and_deleted(world) {
        let alice = alice();
        let id = world.save_backup(&alice, SaveMode::Create, None, described("b")).await.unwrap().id;
        let shown = json!({
            "project_id": "demo", "backup_id": id, "user_id": "alice", "status": "available",
            "backup_metadata": described("b"),
        });
        assert_eq!(world.backups(&all_backups()).await, [shown]);
        let patch = |status: &str, size: i64| SaveBackup {
            tenant: "demo".to_owned(),
            backup_id: Some(id.clone()),
            mode: SaveMode::Patch,
            document: map(json!({"status": status, "backup_metadata": {"size": size}})),
        };
        let results = world.save_backups(&[(&alice, patch("error", 1)), (&alice, patch("lost", 2)), (&alice, patch("deleted", 3))]).await;
        assert!(results[0].is_ok() && results[2].is_ok());
        assert!(matches!(results[1], Err(DocumentRefusal::Invalid { .. })));
        let shown = world.backups(&all_backups()).await.remove(0);
        assert_eq!((&shown["status"], &shown["backup_metadata"]["size"]), (&json!("deleted"), &json!(3)));
        assert_eq!(shown["backup_metadata"]["backup_name"], json!("b"));
        let refused = world.save_backup(&bob(), SaveMode::Patch, Some(&id), json!({})).await;
        assert_eq!(refused, Err(DocumentRefusal::Unknown));
        let delete = |tenant: &str| DeleteBackup { tenant: tenant.to_owned(), backup_id: id.clone() };
        let bob = bob();
        let deleted = world.delete_backups(&[(&bob, delete("other")), (&bob, delete("demo")), (&alice, delete("demo"))]).await;
        assert!(!deleted[0].as_ref().unwrap().existed && deleted[2].as_ref().unwrap().existed);
        assert!(matches!(deleted[1], Err(DocumentRefusal::Forbidden { .. })));
        assert!(world.backups(&all_backups()).await.is_empty());
    }

    async fn backups_are_found_by_what_is_known_of_them(world) {
        let alice = alice();
        for name in ["one", "two", "three"] {
            world.save_backup(&alice, SaveMode::Create, None, described(name)).await.unwrap();
        }
        let found = ListBackups { filter: matching(&[("backup_name", json!("two"))]), ..all_backups() };
        assert_eq!(world.backups(&found).await.len(), 1);
        let found = ListBackups { filter: matching(&[("status", json!("available")), ("container", json!("c"))]), ..all_backups() };
        assert_eq!(world.backups(&found).await.len(), 3);
    }

    async fn actions_are_kept_patched_and_replaced(world) {
        let alice = alice();
        let action = |name: &str| json!({"action_id": "a", "freezer_action": {"action": name, "container": "c"}});
        world.save_action(&alice, SaveMode::Create, None, action("backup")).await.unwrap();
        let refused = world.save_action(&alice, SaveMode::Create, None, action("exec")).await;
        assert_eq!(refused, Err(DocumentRefusal::Exists { id: "a".to_owned() }));
        let patched = world.save_action(&alice, SaveMode::Patch, Some("a"), json!({"max_retries": 9, "_version": 1})).await;
        assert_eq!(patched.unwrap().version, 2);
        let refused = world.save_action(&alice, SaveMode::Replace, Some("a"), json!({"_version": 1, "freezer_action": {"action": "info"}})).await;
        assert_eq!(refused, Err(DocumentRefusal::Changed { version: 2 }));
        let shown = world.actions(&all_actions()).await.remove(0);
        assert_eq!((&shown["max_retries"], &shown["freezer_action"]["container"]), (&json!(9), &json!("c")));
        let replaced = world.save_action(&alice, SaveMode::Replace, Some("a"), json!({"freezer_action": {"action": "info"}})).await;
        assert_eq!(replaced.unwrap().version, 3);
        let shown = world.actions(&all_actions()).await.remove(0);
        assert_eq!((&shown["max_retries"], &shown["freezer_action"]["container"]), (&json!(5), &Value::Null));
        let refused = world.save_action(&bob(), SaveMode::Patch, Some("a"), json!({})).await;
        assert_eq!(refused, Err(DocumentRefusal::Unknown));
        assert!(world.save_action(&alice, SaveMode::Replace, Some("a\0"), action("info")).await.is_err());
    }
}
